/**
 * Calls whose arguments the model writes bit by bit: of the client's functions and custom tools, and of tools of MCP servers.
 * What differs between them is data.
 */
import { asText } from '../../../kernel/json-record.ts'
import { toDeltaHead } from './event-writer.ts'
import type { EndStatus } from './message-writer.ts'
import type { Item, Output, Place } from './output.ts'

/** How a kind of call looks on the wire. */
interface CallKind {
  readonly type: 'function_call' | 'custom_tool_call' | 'mcp_call'
  /** The member that holds what the model writes. */
  readonly argument: 'arguments' | 'input'
  /** The events of what the model writes, without `.delta` and `.done`. */
  readonly argumentEvents: string
}

const callKinds = Object.freeze({
  function_call: {
    type: 'function_call',
    argument: 'arguments',
    argumentEvents: 'response.function_call_arguments',
  },
  custom_tool_call: {
    type: 'custom_tool_call',
    argument: 'input',
    argumentEvents: 'response.custom_tool_call_input',
  },
  mcp_call: { type: 'mcp_call', argument: 'arguments', argumentEvents: 'response.mcp_call_arguments' },
} as const satisfies Record<string, CallKind>)

/** What is known of a call when it begins. */
export interface CallStart {
  readonly kind: keyof typeof callKinds
  readonly id: string
  readonly name: string
  /** Further members: the call's id, the server's label. */
  readonly members: Readonly<Record<string, unknown>>
}

/** What an earlier process has told of a call. */
export interface RestoredCall {
  readonly argument: string
  /** Whether it told that the argument is complete. */
  readonly isWritten: boolean
  readonly place: Place
}

export class CallWriter {
  readonly #output: Output
  readonly #start: CallStart
  readonly #kind: CallKind
  readonly #place: Place
  readonly #head: string
  #argument = ''
  #isWritten = false

  /** `restored` continues an item that an earlier process began. */
  constructor(output: Output, start: CallStart, restored?: RestoredCall) {
    this.#output = output
    this.#start = start
    this.#kind = callKinds[start.kind]
    const open = { abandon: () => this.close('incomplete') }
    if (restored === undefined) {
      this.#place = output.open(this.#snapshot('in_progress'), open)
      if (start.kind === 'mcp_call') output.events.emit('response.mcp_call.in_progress', this.#place)
    } else {
      this.#argument = restored.argument
      this.#isWritten = restored.isWritten
      this.#place = restored.place
    }
    this.#head = toDeltaHead(`${this.#kind.argumentEvents}.delta`, { ...this.#place })
  }

  addArgument(piece: string): void {
    this.#argument += piece
    this.#output.events.delta(this.#head, piece)
  }

  /** Tells that the arguments are complete. */
  endArgument(): void {
    if (this.#isWritten) return
    this.#isWritten = true
    const { argument: member, argumentEvents, type } = this.#kind
    this.#output.events.emit(`${argumentEvents}.done`, {
      ...this.#place,
      ...(type === 'function_call' && { name: this.#start.name }),
      [member]: this.#argument,
    })
  }

  /** Ends a call that the client makes. */
  close(status: EndStatus): void {
    if (status === 'completed') this.endArgument()
    this.#output.close(this.#place, this.#snapshot(status))
  }

  /** Ends a call that was made here, with what it gave. */
  settle(outcome: { readonly output: string } | { readonly error: string }): void {
    this.endArgument()
    const isFailed = 'error' in outcome
    this.#output.events.emit(isFailed ? 'response.mcp_call.failed' : 'response.mcp_call.completed', this.#place)
    this.#output.close(this.#place, { ...this.#snapshot(isFailed ? 'failed' : 'completed'), ...outcome })
  }

  #snapshot(status: string): Item {
    const { id, name, members } = this.#start
    return {
      id,
      type: this.#kind.type,
      status,
      name,
      [this.#kind.argument]: this.#argument,
      ...(this.#kind.type === 'mcp_call' && { output: null, error: null }),
      ...members,
    }
  }
}

/** Tells of a finished call as if it came in now. */
export function replayCall(output: Output, item: Item): void {
  const { id, type, status, name, arguments: written, input, ...members } = item
  const kind = callKinds[type as keyof typeof callKinds]
  const writer = new CallWriter(output, {
    kind: kind.type,
    id,
    name: asText(name),
    members: kind.type === 'mcp_call' ? { ...members, output: null, error: null } : members,
  })
  const argument = asText(kind.argument === 'input' ? input : written)
  if (argument !== '') writer.addArgument(argument)
  if (kind.type !== 'mcp_call' || status === 'incomplete') {
    writer.close(status === 'incomplete' ? 'incomplete' : 'completed')
  } else if (typeof members['error'] === 'string') writer.settle({ error: members['error'] })
  else writer.settle({ output: asText(members['output']) })
}
