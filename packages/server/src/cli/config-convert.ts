/** `llama config convert`: converts a file and says what its owner should know. */
import { writeFile } from 'node:fs/promises'
import { StackError } from '@llama-stack/api'
import { machineFiles } from '../config/config-files.ts'
import { convertConfig } from '../config/convert.ts'
import type { ConfigNote } from '../config/stack-config.ts'
import type { CommandContext } from './command.ts'
import { fromHomePath } from './home-path.ts'
import { toOutput } from './output.ts'
import type { OutputOptions } from './output.ts'

export interface ConvertFileInput {
  readonly file: string
  /** Where the result goes; undefined: stdout. */
  readonly output: string | undefined
  readonly options: OutputOptions
  readonly context: CommandContext
}

/** Converts and resolves to the exit code. */
export async function convertFile({ file, output: target, options, context }: ConvertFileInput): Promise<number> {
  const text = await machineFiles.readText(fromHomePath(file, context))
  if (text === undefined) throw new StackError('config_not_found', { name: file, nearest: 'There is no such file.' })
  const converted = convertConfig({ file, text })
  const output = toOutput(context, options)
  if (target !== undefined) await writeNew(fromHomePath(target, context), converted.text)
  output.result(target === undefined ? converted : { file: target, notes: converted.notes }, () =>
    target === undefined ? converted.text : `${target}\n`,
  )
  for (const note of converted.notes) output.note(toLine(file, note))
  output.note(`Check it: llama config check ${target ?? 'config.yaml'}`)
  return 0
}

/** The owner of a file decides when it goes: an existing one is left as it is. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' })
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    const problem = exists ? `${path} exists already.` : `${path} cannot be written: ${String(error)}`
    throw new StackError('command_usage', { problem, fix: 'Choose another name with --output.' })
  }
}

function toLine(file: string, { line, path, message, fix }: ConfigNote): string {
  const place = line === undefined ? path : `${file}:${line}`
  return `note  ${[place, message, fix].filter((part) => part !== undefined && part !== '').join('  ')}`
}
