/** The exchanges of `demo/scripted`. Data only; loaded at the first call. */
import type { ScriptedExchange } from './_demo-exchange.ts'
import { features } from './_demo-script-features.ts'
import { talk } from './_demo-script-talk.ts'

/** Every exchange, in the order in which it is shown. */
export const script: readonly ScriptedExchange[] = Object.freeze([...talk, ...features])
