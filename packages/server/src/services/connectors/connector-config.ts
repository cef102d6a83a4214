/** Reads the connectors of a configuration: the entries of `connectors`, and the MCP servers among `tool_groups`. */
import { StackError } from '@llama-stack/api'
import * as z from 'zod'
import { isRecord } from '../../kernel/json-record.ts'
import { lazy } from '../../kernel/lazy.ts'
import { parseOnce } from '../../kernel/parse-once.ts'
import type { Connector, ConnectorAuth, ConnectorFinder } from '../mcp/mcp-connector.ts'

/** The entries as the file has them, after substitution. */
export interface ConnectorEntries {
  readonly connectors: readonly Readonly<Record<string, unknown>>[]
  /** Of the first generation. Those without `mcp_endpoint` are no MCP servers. */
  readonly tool_groups: readonly Readonly<Record<string, unknown>>[]
}

const getEntrySchema = lazy(() => {
  const name = z.string().min(1)
  const milliseconds = z.coerce.number().pipe(z.int().min(1)).optional()
  const texts = z.record(z.string(), z.string())
  const secret = { client_id: name, client_secret: name, issuer: z.url(), scope: name.optional() }
  const auth = z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('none') }),
    z.strictObject({ type: z.literal('bearer'), token: name }),
    z.strictObject({ type: z.literal('forward') }),
    z.strictObject({ type: z.literal('client_credentials'), ...secret }),
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
  ])
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
    transport: z.literal('http').default('http'),
    url: z.url({ protocol: /^https?$/ }),
    headers: texts.default({}),
    auth: auth.default({ type: 'none' }),
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
  return { http, stdio }
})

type Entry = z.infer<ReturnType<typeof getEntrySchema>['http']> | z.infer<ReturnType<typeof getEntrySchema>['stdio']>

/** Reads the connectors. Throws `config_invalid` for the first entry that is wrong. */
export function readConnectors(entries: ConnectorEntries): ConnectorFinder {
  const all = [
    ...entries.connectors.map((entry, index) => readEntry(entry, `connectors[${index}]`)),
    ...entries.tool_groups.flatMap((group, index) => readToolGroup(group, `tool_groups[${index}]`)),
  ]
  const byId = new Map<string, Connector>()
  for (const connector of all) {
    if (byId.has(connector.id)) throw refuse(`Connector '${connector.id}' is there twice.`, 'Rename one of the two.')
    byId.set(connector.id, connector)
  }
  return { all, find: (id) => byId.get(id) }
}

function readToolGroup(group: Readonly<Record<string, unknown>>, path: string): Connector[] {
  const endpoint = group['mcp_endpoint']
  if (!isRecord(endpoint)) return []
  return [readEntry({ connector_id: group['toolgroup_id'], url: endpoint['uri'] }, path)]
}

function readEntry(entry: Readonly<Record<string, unknown>>, path: string): Connector {
  const { http, stdio } = getEntrySchema()
  // In both dialects null means that a setting is not given.
  const given = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null))
  const schema: z.ZodType<Entry> = given['transport'] === 'stdio' ? stdio : http
  const read = schema.safeParse(given, parseOnce)
  if (read.success) return toConnector(read.data)
  const issue = read.error.issues[0]
  const at = [path, ...(issue?.path.map(String) ?? [])].join('.')
  // The value is not repeated: it may be a secret.
  throw refuse(`${at}: ${issue?.message ?? 'it cannot be read'}.`, 'Correct it: docs/guides/mcp.md has examples.')
}

function toConnector(entry: Entry): Connector {
  const { connector_id: id, server_label: label = id, server_description: description } = entry
  const timeouts = {
    ...(entry.connect_timeout_ms === undefined ? {} : { connectTimeoutMs: entry.connect_timeout_ms }),
    ...(entry.list_timeout_ms === undefined ? {} : { listTimeoutMs: entry.list_timeout_ms }),
    ...(entry.call_timeout_ms === undefined ? {} : { callTimeoutMs: entry.call_timeout_ms }),
    ...(entry.max_call_ms === undefined ? {} : { maxCallMs: entry.max_call_ms }),
  }
  const shared = { id, label, timeouts, ...(description === undefined ? {} : { description }) }
  if (entry.transport === 'http') {
    const { url, headers, per_user: perUser, auth } = entry
    return { ...shared, endpoint: { transport: 'http', url }, headers, perUser, auth: toAuth(auth) }
  }
  const { command, args, env, cwd } = entry
  const endpoint = { transport: 'stdio', command, args, env, ...(cwd === undefined ? {} : { cwd }) } as const
  return { ...shared, endpoint, headers: {}, perUser: false, auth: { type: 'none' } }
}

function toAuth(auth: Extract<Entry, { transport: 'http' }>['auth']): ConnectorAuth {
  if (auth.type === 'none' || auth.type === 'bearer' || auth.type === 'forward') return auth
  const scope = auth.scope === undefined ? {} : { scope: auth.scope }
  if (auth.type === 'client_credentials') {
    return {
      type: auth.type,
      clientId: auth.client_id,
      clientSecret: auth.client_secret,
      issuer: auth.issuer,
      ...scope,
    }
  }
  return {
    type: auth.type,
    ...(auth.client_id === undefined ? {} : { clientId: auth.client_id }),
    ...(auth.client_secret === undefined ? {} : { clientSecret: auth.client_secret }),
    ...(auth.issuer === undefined ? {} : { issuer: auth.issuer }),
    ...scope,
  }
}

function refuse(problem: string, fix: string): StackError {
  return new StackError('config_invalid', { file: 'the configuration', problem, fix })
}
