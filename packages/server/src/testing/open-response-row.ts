/** A stored response for tests that need any. */
import type { ResponseRow } from '../storage/agent-state.ts'

/** A response in the background that is being made and has nothing to say yet. */
export const openResponseRow: ResponseRow = Object.freeze({
  id: 'resp_1',
  createdAtMs: 1,
  model: 'm',
  status: 'in_progress',
  background: true,
  previousId: null,
  conversationId: null,
  input: [],
  output: [],
  messages: [],
  body: '{}',
  state: '{}',
})
