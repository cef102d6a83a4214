/** Stored prompts with the values of a request in them. */
import { StackError } from '@llama-stack/api'
import type { InputFile, InputImage, ResponsePrompt } from '@llama-stack/api'
import type { PromptRepository, PromptRow } from '../../storage/agent-state.ts'
import { fillVariables, findVariables } from './prompt-text.ts'

/** What a prompt becomes: instructions, and the media that go with them behind the input, as a user's message. */
export interface RenderedPrompt {
  readonly instructions: string
  readonly parts: readonly (InputImage | InputFile)[]
}

/** The values of variables by their names. */
export type PromptVariables = NonNullable<ResponsePrompt['variables']>

type VariableValue = PromptVariables[string]

/** Finds the prompt of a request and renders it. */
export async function renderStoredPrompt(prompts: PromptRepository, prompt: ResponsePrompt): Promise<RenderedPrompt> {
  const version = prompt.version === undefined || prompt.version === null ? undefined : parseVersion(prompt.version)
  const row = await prompts.find(prompt.id, version)
  if (row === undefined) throw await promptNotFound(prompts, prompt.id, version)
  return renderPrompt(row, prompt.variables ?? {})
}

/** What is missing: the prompt, or that version of it. */
export async function promptNotFound(
  prompts: PromptRepository,
  id: string,
  version: number | undefined,
): Promise<StackError> {
  const isThere = version !== undefined && (await prompts.find(id)) !== undefined
  return new StackError('prompt_not_found', isThere ? { id, version } : { id })
}

/**
 * Puts the values into the text. An image or a file cannot stand in it: its place tells the model that it is there, and the
 * part itself travels behind.
 */
export function renderPrompt(row: PromptRow, variables: PromptVariables): RenderedPrompt {
  // Not by index: an object answers to names of its prototype too.
  const values = new Map(Object.entries(variables))
  refuseUnknown(row, values)
  const missing = findVariables(row.prompt).filter((name) => !values.has(name))
  if (missing.length > 0) {
    throw new StackError('missing_field', {
      param: `prompt.variables.${missing[0]}`,
      expected: `prompt '${row.id}' version ${row.version} needs a value for ${listNames(missing)}`,
    })
  }
  const instructions = fillVariables(row.prompt, (name) => toText(name, values.get(name)))
  return { instructions, parts: row.variables.flatMap((name) => toMedia(values.get(name))) }
}

function refuseUnknown(row: PromptRow, values: ReadonlyMap<string, VariableValue>): void {
  const unknown = [...values.keys()].filter((name) => !row.variables.includes(name))
  if (unknown.length === 0) return
  throw new StackError('invalid_value', {
    param: `prompt.variables.${unknown[0]}`,
    problem: `prompt '${row.id}' version ${row.version} has no variable ${listNames(unknown)}`,
    fix: row.variables.length === 0 ? 'It takes no variables.' : `Its variables are ${listNames(row.variables)}.`,
  })
}

function listNames(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ')
}

function parseVersion(text: string): number {
  const version = Number(text)
  if (Number.isInteger(version) && version >= 1) return version
  throw new StackError('invalid_value', {
    param: 'prompt.version',
    problem: 'a version is a whole number from 1 on',
    value: JSON.stringify(text),
    fix: 'Leave it out to use the default version.',
  })
}

function toText(name: string, value: VariableValue | undefined): string {
  if (value === undefined || typeof value === 'string') return value ?? ''
  if (value.type === 'input_text') return value.text
  return `[${value.type === 'input_image' ? 'Image' : 'File'}: ${name}]`
}

function toMedia(value: VariableValue | undefined): (InputImage | InputFile)[] {
  return value === undefined || typeof value === 'string' || value.type === 'input_text' ? [] : [value]
}
