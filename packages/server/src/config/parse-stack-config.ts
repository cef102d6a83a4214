/** The settings of a stack that a program gives. */
import { bug } from '@llama-stack/api'
import { parseOnce } from '../kernel/parse-once.ts'
import { throwFaults } from './config-faults.ts'
import { explainIssue, toConfigPath } from './explain-issue.ts'
import { StackConfig } from './stack-config.ts'
import type { StackConfigInput } from './stack-config.ts'

/** Checks the settings and fills in the defaults. Throws `config_invalid`, naming every place that is wrong. */
export function parseStackConfig(given: StackConfigInput): StackConfig {
  const parsed = StackConfig.safeParse(given, parseOnce)
  if (parsed.success) return parsed.data
  throwFaults(
    parsed.error.issues.map((issue) => ({
      file: 'the configuration',
      ...explainIssue(issue, ['config', ...toConfigPath(issue.path)], given),
    })),
  )
  return bug('a schema that refuses says why')
}
