/** Prompts: texts with variables, whose versions are kept. */
import { StackError, value } from '@llama-stack/api'
import type { CallContext, Clock, Prompt, Prompts } from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import type { PromptRepository, PromptRow } from '../../storage/agent-state.ts'
import type { Storage } from '../../storage/storage.ts'
import { findVariables, isVariableName } from './prompt-text.ts'
import { promptNotFound } from './render-prompt.ts'

/** What prompts are made with. */
export interface PromptsOptions {
  readonly storage: Pick<Storage, 'prompts'>
  readonly clock: Clock
  readonly ids: Ids
}

/** Creates the service behind `/v1/prompts`. */
export function createPromptsService({ storage, clock, ids }: PromptsOptions): Prompts {
  const repository = (context: CallContext): PromptRepository => storage.prompts(context.principal)
  const update: Prompts['updatePrompt'] = async ({ prompt_id: id, version, ...request }, context) => {
    const prompts = repository(context)
    const text = toPromptText(request.prompt, request.variables)
    const row = { id, ...text, isDefault: request.set_as_default ?? true, createdAtMs: clock.now() }
    const outcome = await prompts.addVersion(row, version)
    if (outcome === undefined) throw new StackError('prompt_not_found', { id })
    if (!outcome.added) throw new StackError('prompt_version_conflict', { id, given: version, latest: outcome.version })
    return value(toPrompt({ ...row, version: outcome.version }))
  }
  const setDefault: Prompts['setDefaultPromptVersion'] = async ({ prompt_id: id, version }, context) => {
    const prompts = repository(context)
    if (!(await prompts.setDefault(id, version))) throw await promptNotFound(prompts, id, version)
    return value(toPrompt(await getPrompt(prompts, id, version)))
  }
  return {
    async listPrompts(_request, context) {
      return value({ data: (await repository(context).listDefaults()).map(toPrompt) })
    },
    async createPrompt({ prompt, variables }, context) {
      const nowMs = clock.now()
      const text = toPromptText(prompt, variables)
      const row = { id: ids.hex('pmpt_', nowMs), version: 1, ...text, isDefault: true, createdAtMs: nowMs }
      await repository(context).insert(row)
      return value(toPrompt(row))
    },
    async retrievePrompt({ prompt_id: id, version }, context) {
      return value(toPrompt(await getPrompt(repository(context), id, version)))
    },
    updatePrompt: update,
    updatePromptByPost: update,
    async deletePrompt({ prompt_id: id }, context) {
      if (!(await repository(context).delete(id))) throw new StackError('prompt_not_found', { id })
      return value(undefined)
    },
    async listPromptVersions({ prompt_id: id }, context) {
      const rows = await repository(context).listVersions(id)
      if (rows.length === 0) throw new StackError('prompt_not_found', { id })
      return value({ data: rows.map(toPrompt) })
    },
    setDefaultPromptVersion: setDefault,
    setDefaultPromptVersionByPost: setDefault,
  }
}

async function getPrompt(prompts: PromptRepository, id: string, version?: number): Promise<PromptRow> {
  const row = await prompts.find(id, version)
  if (row === undefined) throw await promptNotFound(prompts, id, version)
  return row
}

/**
 * The text and its variables. Those in the text have to be declared; one that is not in it may be, since an image or a file
 * needs no place there.
 */
function toPromptText(
  prompt: string,
  variables: readonly string[] | null | undefined,
): Pick<PromptRow, 'prompt' | 'variables'> {
  const declared = [...new Set(variables ?? [])]
  const used = findVariables(prompt)
  const malformed = declared.find((name) => !isVariableName(name))
  if (malformed !== undefined) {
    throw new StackError('invalid_value', {
      param: 'variables',
      problem: 'a name has letters, digits and underscores only',
      value: JSON.stringify(malformed),
      fix: 'Name the variable as it stands between the braces.',
    })
  }
  const undeclared = used.filter((name) => !declared.includes(name))
  if (undeclared.length > 0) {
    throw new StackError('invalid_value', {
      param: 'variables',
      problem: `the prompt uses ${listNames(undeclared)}, which is not declared`,
      fix: `Send variables: ${JSON.stringify([...declared, ...undeclared])}.`,
    })
  }
  return { prompt, variables: declared }
}

function listNames(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}

function toPrompt({ id, version, prompt, variables, isDefault }: PromptRow): Prompt {
  return { prompt_id: id, prompt, variables: [...variables], version, is_default: isDefault }
}
