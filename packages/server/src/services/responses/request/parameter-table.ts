/**
 * What becomes of every parameter of a response: the one list from which unknown parameters are told from known ones, and from
 * which the page of the documentation is made.
 */

/**
 * `honoured`: as OpenAI's document has it. `forwarded`: handed to the provider, which decides. `emulated`: done here, by other
 * means than OpenAI's where the model lacks it. `limited`: some of its values are refused by name.
 */
export type ParameterState = 'honoured' | 'forwarded' | 'emulated' | 'limited'

export interface ParameterRow {
  readonly state: ParameterState
  /** One sentence for the documentation. */
  readonly how: string
}

export const responseParameters: Readonly<Record<string, ParameterRow>> = Object.freeze({
  background: { state: 'honoured', how: 'A leased job; with `stream` too. It survives a crash and a restart.' },
  context_management: { state: 'emulated', how: 'Compaction by a summary that the model itself writes.' },
  conversation: { state: 'honoured', how: 'An id or `{ id }`; input and output are added when the response ends.' },
  frequency_penalty: { state: 'forwarded', how: 'An extension of Open Responses.' },
  guardrails: { state: 'honoured', how: 'An extension: shields that judge the input, and the output as it streams.' },
  include: {
    state: 'limited',
    how: 'Log probabilities, sources and results of searches, images, sealed reasoning. Data of tools that this server does not run is reported as dropped.',
  },
  input: { state: 'limited', how: 'Every kind of item; items of tools that no chat has are reported as dropped.' },
  instructions: { state: 'honoured', how: 'A system message; not carried over to the next response.' },
  max_infer_iters: { state: 'honoured', how: 'An extension: turns of the model. Default: 10.' },
  max_output_tokens: { state: 'honoured', how: 'Over all turns; `incomplete_details.reason` is `max_output_tokens`.' },
  max_tool_calls: { state: 'honoured', how: 'Calls that the server makes; the model is told of those skipped.' },
  metadata: { state: 'honoured', how: 'Up to 16 pairs.' },
  model: { state: 'honoured', how: 'Any model of `GET /v1/models`, an alias, or `auto`.' },
  parallel_tool_calls: { state: 'honoured', how: 'Also decides whether the server makes calls of one turn at once.' },
  presence_penalty: { state: 'forwarded', how: 'An extension of Open Responses.' },
  previous_response_id: { state: 'honoured', how: 'On any model; the response is committed before its last event.' },
  prompt: { state: 'honoured', how: 'A prompt of this server, with text, image and file variables.' },
  prompt_cache_key: { state: 'forwarded', how: 'The history of a response repeats the bytes of the one before it.' },
  prompt_cache_retention: { state: 'forwarded', how: 'How long the vendor keeps the prompt.' },
  reasoning: {
    state: 'emulated',
    how: '`effort` is forwarded; a `summary` is written by a further call of the model.',
  },
  safety_identifier: { state: 'forwarded', how: 'By which the vendor knows who is behind a request.' },
  service_tier: { state: 'forwarded', how: 'The tier that served is in the response.' },
  store: { state: 'honoured', how: 'Default: true. A stored response goes on when its client leaves.' },
  stream: { state: 'honoured', how: 'Resumed by `GET /v1/responses/{id}?stream=true&starting_after=N`.' },
  stream_options: {
    state: 'honoured',
    how: '`include_obfuscation` pads deltas. Default: false. A replay may ask otherwise.',
  },
  temperature: { state: 'forwarded', how: 'The response shows 1 where the request says nothing.' },
  text: {
    state: 'emulated',
    how: 'Schemas natively where the model can; else by a forced tool or by instruction, checked and repaired once.',
  },
  tool_choice: {
    state: 'honoured',
    how: 'After the first turn the model is free, or a forced choice would never end.',
  },
  tools: {
    state: 'limited',
    how: '`function`, `custom`, `namespace`, `web_search`, `file_search` and `mcp`; others are refused by name.',
  },
  top_logprobs: { state: 'forwarded', how: 'More than 0 asks for log probabilities, as `include` does.' },
  top_p: { state: 'forwarded', how: 'The response shows 1 where the request says nothing.' },
  truncation: { state: 'emulated', how: '`auto` leaves out the oldest turns where the model has no room for them.' },
  user: { state: 'forwarded', how: 'The old name of `safety_identifier`.' },
})

/** Known to this server, and no business of the provider's. */
const OWN = new Set(['generate', 'type'])

/** The members of a request that this server does not know: they travel to the provider. */
export function unknownMembers(
  request: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  let unknown: Record<string, unknown> | undefined
  for (const name in request) {
    if (Object.hasOwn(responseParameters, name) || OWN.has(name)) continue
    unknown ??= {}
    unknown[name] = request[name]
  }
  return unknown
}
