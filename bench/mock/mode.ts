/** How the mock sends the events of a stream; it can be changed while the mock runs. */
export type MockMode = {
  /**
   * `paced`: one event per interval. `burst`: all at once. `tool`: as `burst`, and who offers tools is answered with a call of
   * one until it has told a result. `static`: no streams, only the fixed JSON reply.
   */
  readonly kind: 'static' | 'paced' | 'burst' | 'tool'
  /** Content events per stream; usage and `[DONE]` come on top. */
  readonly events: number
  readonly intervalMs: number
}

/** What the mock knows about its connections, for the workloads that look behind the proxy. */
export type MockState = {
  readonly openSockets: number
  readonly activeStreams: number
  readonly completedStreams: number
  /** Streams whose reader left before the end. */
  readonly abortedStreams: number
  /** Of the completed streams, those that called a tool. */
  readonly toolCalls: number
  /** Bytes of the bodies that asked for a stream. */
  readonly streamRequestBytes: number
}

/** Paths of the mock's own door, which no proxied request reaches. */
export const controlPaths = { mode: '/__bench/mode', state: '/__bench/state' } as const
