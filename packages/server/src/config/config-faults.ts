/** Faults of one reading become one error: the first of the file in front, the others behind it. */
import type { ConfigFault } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'

/** A fault, and the variable that is missing when that is the fault. */
export type FoundFault = ConfigFault & { readonly variable?: string }

/** Throws when there are faults, and returns when there are none. */
export function throwFaults(faults: readonly FoundFault[]): void {
  const [first, ...others] = faults.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
  if (first === undefined) return
  const { variable, ...fault } = first
  const details = others.length === 0 ? fault : { ...fault, others: others.map(withoutVariable) }
  if (variable === undefined) throw new StackError('config_invalid', details)
  throw new StackError('config_env', { ...details, variable })
}

function withoutVariable({ variable: _variable, ...fault }: FoundFault): ConfigFault {
  return fault
}
