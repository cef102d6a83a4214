/** The tool calls and approvals that count once only, in SQL. */
import type { DatabaseSync } from 'node:sqlite'
import type { ToolCallClaim } from '../agent-state.ts'

/** The statements of both tables. What writes belongs into a job of the writer. */
export interface ToolCalls {
  claim(responseSeq: number, callId: string): ToolCallClaim
  settle(responseSeq: number, callId: string, outcome: string): void
  remove(responseSeq: number): void
  /** An approval stays used when the response that used it is deleted. */
  consumeApproval(owner: string, approvalRequestId: string, responseId: string): boolean
}

/** Prepares the statements of both tables once. */
export function prepareToolCalls(connection: DatabaseSync): ToolCalls {
  const claim = connection.prepare(
    'INSERT INTO tool_calls (response_seq, call_id) VALUES (?, ?) ON CONFLICT (response_seq, call_id) DO NOTHING',
  )
  const outcomeOf = connection.prepare('SELECT outcome FROM tool_calls WHERE response_seq = ? AND call_id = ?')
  const settle = connection.prepare(
    `INSERT INTO tool_calls (response_seq, call_id, outcome) VALUES (?, ?, ?)
     ON CONFLICT (response_seq, call_id) DO UPDATE SET outcome = excluded.outcome`,
  )
  const remove = connection.prepare('DELETE FROM tool_calls WHERE response_seq = ?')
  const use = connection.prepare(
    `INSERT INTO used_approvals (owner, approval_request_id, response_id) VALUES (?, ?, ?)
     ON CONFLICT (owner, approval_request_id) DO NOTHING`,
  )
  const userOf = connection.prepare(
    'SELECT response_id FROM used_approvals WHERE owner = ? AND approval_request_id = ?',
  )
  return {
    claim(responseSeq, callId) {
      if (claim.run(responseSeq, callId).changes === 1) return { kind: 'claimed' }
      const outcome = outcomeOf.get(responseSeq, callId)?.['outcome']
      return typeof outcome === 'string' ? { kind: 'done', outcome } : { kind: 'begun' }
    },
    settle: (responseSeq, callId, outcome) => void settle.run(responseSeq, callId, outcome),
    remove: (responseSeq) => void remove.run(responseSeq),
    consumeApproval(owner, approvalRequestId, responseId) {
      if (use.run(owner, approvalRequestId, responseId).changes === 1) return true
      return userOf.get(owner, approvalRequestId)?.['response_id'] === responseId
    },
  }
}
