/** Guardrails within a turn: over what a model thinks, what it sends to tools, and what they give back. */
import { isRecord } from '../../../kernel/json-record.ts'
import type { ChatPart } from '../chat/content-parts.ts'
import { toFailure } from '../tools/mcp-tools.ts'
import type { ToolOutcome } from '../tools/server-tool.ts'
import type { GuardCaller, Guards } from './run-world.ts'
import type { TextFilter, TurnCall } from './turn-writer.ts'

export interface TurnGuard {
  /** Begins to judge thoughts, from their first character. */
  openThoughts(caller: GuardCaller): TextFilter
  /** The calls of a turn. One that may not be made has lost its arguments, and says why in `objection`. */
  judgeCalls(calls: readonly TurnCall[]): Promise<readonly TurnCall[]>
  /** What a call gave, or a failure in its place where the model may not be told. */
  judgeOutcome(outcome: ToolOutcome): Promise<ToolOutcome>
}

/** Guards the turns of one response. */
export function toTurnGuard(guards: Guards, caller: GuardCaller): TurnGuard {
  return {
    openThoughts: (from) => guards.openOutput(from),
    judgeCalls: (calls) =>
      Promise.all(
        calls.map(async (call): Promise<TurnCall> => {
          const text = readableArguments(call.arguments)
          const said = text === '' ? undefined : await guards.checkInput([{ role: 'assistant', text }], caller)
          if (said === undefined) return call
          const objection = `A guardrail did not let this call pass, and it was not made. It says: ${said}`
          return { ...call, arguments: '{}', objection }
        }),
      ),
    async judgeOutcome(outcome) {
      const text = readableContent(outcome.content)
      const said = text === '' ? undefined : await guards.checkInput([{ role: 'tool', text }], caller)
      return said === undefined ? outcome : toFailure(`A guardrail keeps back what the tool gave. It says: ${said}`)
    },
  }
}

/** What stands in the arguments, as a person would read it: JSON has many spellings for one word. */
function readableArguments(json: string): string {
  try {
    return wordsOf(JSON.parse(json)).join('\n')
  } catch {
    // The tool may still make sense of it.
    return json
  }
}

function wordsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(wordsOf)
  if (isRecord(value)) return Object.entries(value).flatMap(([name, member]) => [name, ...wordsOf(member)])
  return value === null ? [] : [typeof value === 'string' ? value : JSON.stringify(value)]
}

function readableContent(content: string | readonly ChatPart[]): string {
  if (typeof content === 'string') return content
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('\n')
}
