/** The environment variables by which both generations of upstream's test tools switch recording on. */
import { StackError } from '@llama-stack/api'

/** What a server does with the calls that recordings know. */
export type RecordingMode = 'replay' | 'record' | 'record-if-missing'

export interface RecordingSettings {
  readonly mode: RecordingMode
  /** The tree of recordings. */
  readonly directory: string
}

type Environment = Readonly<Record<string, string | undefined>>

const MODE_VARIABLES = ['OGX_TEST_INFERENCE_MODE', 'LLAMA_STACK_TEST_INFERENCE_MODE'] as const
const DIRECTORY_VARIABLES = ['OGX_TEST_RECORDING_DIR', 'LLAMA_STACK_TEST_RECORDING_DIR'] as const
const MODES: ReadonlySet<string> = new Set(['replay', 'record', 'record-if-missing'])

/** Reads the settings; undefined means that every call is live, as it is where no variable is set. */
export function findRecordingSettings(environment: Environment): RecordingSettings | undefined {
  const chosen = findVariable(environment, MODE_VARIABLES)
  if (chosen === undefined) return undefined
  const mode = chosen.value.toLowerCase()
  if (mode === 'live') return undefined
  if (!isMode(mode)) {
    throw invalid(chosen.name, `${chosen.name} is '${chosen.value}'.`, `Use live, replay, record or record-if-missing.`)
  }
  const directory = findVariable(environment, DIRECTORY_VARIABLES)
  if (directory === undefined) {
    const [name] = DIRECTORY_VARIABLES
    throw invalid(name, `${chosen.name} is '${mode}', but no directory of recordings is named.`, `Set ${name}.`)
  }
  return { mode, directory: directory.value }
}

interface Variable {
  readonly name: string
  readonly value: string
}

/** An empty variable is an unset one. Two that disagree are a mistake that nobody should have to guess at. */
function findVariable(environment: Environment, names: readonly string[]): Variable | undefined {
  const set: Variable[] = []
  for (const name of names) {
    const value = environment[name]?.trim()
    if (value !== undefined && value !== '') set.push({ name, value })
  }
  const [first, second] = set
  if (first !== undefined && second !== undefined && first.value !== second.value) {
    throw invalid(
      first.name,
      `${first.name} is '${first.value}', but ${second.name} is '${second.value}'.`,
      'Set one of them, or both to the same value.',
    )
  }
  return first
}

const isMode = (value: string): value is RecordingMode => MODES.has(value)

function invalid(variable: string, problem: string, fix: string): StackError {
  return new StackError('config_env', { variable, file: 'the environment', problem, fix })
}
