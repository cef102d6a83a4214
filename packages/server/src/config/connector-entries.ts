/** Connectors as a configuration has them: the entries of `connectors`, and the MCP servers among `tool_groups`. */
import { z } from 'zod'
import { lateSchema } from '../kernel/late-schema.ts'
import { isConfigMap } from './env-tree.ts'

const name = lateSchema(() => z.string().min(1))
const httpUrl = lateSchema(() => z.url({ protocol: /^https?$/ }))

const Auth = lateSchema(() =>
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('none') }),
    z.strictObject({ type: z.literal('bearer'), token: name }),
    z.strictObject({ type: z.literal('forward') }),
    z.strictObject({
      type: z.literal('client_credentials'),
      client_id: name,
      client_secret: name,
      issuer: z.url(),
      scope: name.optional(),
    }),
    z
      .strictObject({
        type: z.literal('authorization_code'),
        client_id: name.optional(),
        client_secret: name.optional(),
        issuer: z.url().optional(),
        scope: name.optional(),
      })
      // A server that names another login server must not be told the secret.
      .refine((of) => of.client_secret === undefined || (of.client_id !== undefined && of.issuer !== undefined), {
        error: 'a client_secret needs client_id and issuer beside it',
      }),
  ]),
)

/** An entry of `connectors`. In both dialects null means that a setting is not given. */
export const ConnectorEntry = lateSchema(() => {
  const milliseconds = z.coerce.number().pipe(z.int().min(1)).optional()
  const texts = z.record(z.string(), z.string())
  const shared = {
    connector_id: name,
    connector_type: z.literal('mcp').default('mcp'),
    server_label: name.optional(),
    server_description: name.optional(),
    connect_timeout_ms: milliseconds,
    list_timeout_ms: milliseconds,
    call_timeout_ms: milliseconds,
    max_call_ms: milliseconds,
  }
  const http = z.strictObject({
    ...shared,
    transport: z.literal('http'),
    url: httpUrl,
    headers: texts.default({}),
    auth: Auth.default({ type: 'none' }),
    per_user: z.boolean().default(false),
  })
  const stdio = z.strictObject({
    ...shared,
    transport: z.literal('stdio'),
    command: name,
    args: z.array(z.string()).default([]),
    env: texts.default({}),
    cwd: name.optional(),
  })
  return z.preprocess(withTransport, z.discriminatedUnion('transport', [http, stdio]))
})
export type ConnectorEntry = z.infer<typeof ConnectorEntry>

function withTransport(entry: unknown): unknown {
  if (!isConfigMap(entry)) return entry
  const given = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null))
  return { transport: 'http', ...given }
}

/** An entry of `tool_groups`. Those without `mcp_endpoint` are no MCP servers. */
export const ToolGroupEntry = lateSchema(() =>
  z.looseObject({ toolgroup_id: name, mcp_endpoint: z.looseObject({ uri: httpUrl }).nullish() }),
)
export type ToolGroupEntry = z.infer<typeof ToolGroupEntry>

/** Both lists. */
export interface ConnectorLists {
  readonly connectors: readonly ConnectorEntry[]
  readonly tool_groups: readonly ToolGroupEntry[]
}

/** A connector whose id another one has already. */
export interface ConnectorTwin {
  readonly list: keyof ConnectorLists
  readonly index: number
  readonly key: string
  readonly id: string
}

/** Finds the connectors that could not be told from another one. */
export function findTwins({ connectors, tool_groups }: ConnectorLists): readonly ConnectorTwin[] {
  const named = [
    ...connectors.map(
      ({ connector_id: id }, index) => ({ list: 'connectors', key: 'connector_id', index, id }) as const,
    ),
    ...tool_groups.flatMap(({ toolgroup_id: id, mcp_endpoint: endpoint }, index) =>
      endpoint === undefined || endpoint === null
        ? []
        : [{ list: 'tool_groups', key: 'toolgroup_id', index, id } as const],
    ),
  ]
  const ids = new Set<string>()
  return named.filter(({ id }) => ids.size === ids.add(id).size)
}
