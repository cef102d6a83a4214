/** Calls through a configured proxy: the one thing that undici does for us. It is loaded with the first such call. */
import { readFileSync } from 'node:fs'
import type { NetworkOptions, UpstreamRequest } from '@llama-stack/api'
import type { Dispatcher, ProxyAgent } from 'undici'
import type { Exchange } from './http1/exchange.ts'
import { joinBody } from './request-body.ts'
import { readTlsSettings } from './tls-settings.ts'

export interface ProxiedCall {
  readonly origin: string
  readonly path: string
  readonly method: UpstreamRequest['method']
  readonly headers: Readonly<Record<string, string>>
  readonly exchange: Exchange
}

export interface ProxyTransport {
  /** Sends the call, or says false where no proxy is configured for its origin. */
  send(call: ProxiedCall): boolean
  close(): Promise<void>
}

/** Creates the agents of one provider's proxies. */
export async function createProxyTransport(network: NetworkOptions): Promise<ProxyTransport> {
  const { default: Agent } = await import('undici/lib/dispatcher/proxy-agent.js')
  const agents = new Map<string, ProxyAgent>()
  const agentFor = (uri: string): ProxyAgent => {
    const known = agents.get(uri)
    if (known !== undefined) return known
    const cacert = network.proxy?.cacert
    const agent = new Agent({
      uri,
      requestTls: readTlsSettings(network),
      ...(cacert === undefined ? {} : { proxyTls: { ca: readFileSync(cacert) } }),
    })
    agents.set(uri, agent)
    return agent
  }
  return {
    send({ exchange, ...call }) {
      const uri = findProxy(call.origin, network.proxy)
      if (uri === undefined) return false
      const { headersTimeoutMs: headersTimeout, idleTimeoutMs: bodyTimeout } = exchange
      const body = exchange.body === undefined ? null : joinBody(exchange.body)
      agentFor(uri).dispatch({ ...call, body, headersTimeout, bodyTimeout }, toDispatchHandler(exchange))
      return true
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()))
    },
  }
}

function findProxy(origin: string, proxy: NetworkOptions['proxy']): string | undefined {
  const { url, http, https, no_proxy: exempt = [] } = proxy ?? {}
  const { protocol, hostname } = new URL(origin)
  if (exempt.some((host) => hostname === host || hostname.endsWith(host.startsWith('.') ? host : `.${host}`))) {
    return undefined
  }
  return url ?? (protocol === 'https:' ? https : http)
}

function toDispatchHandler({ receiver }: Exchange): Dispatcher.DispatchHandler {
  let aborted = false
  return {
    onRequestStart(controller) {
      receiver.source = {
        pause: () => controller.pause(),
        resume: () => controller.resume(),
        abort() {
          aborted = true
          controller.abort(new DOMException('The call was given up', 'AbortError'))
        },
      }
    },
    onResponseStart(_controller, status, headers) {
      // 1xx replies announce the real one.
      if (status >= 200) receiver.onHead(status, toFlatHeaders(headers))
    },
    onResponseData: (_controller, chunk) => receiver.onData(chunk),
    onResponseEnd() {
      receiver.source = undefined
      receiver.onEnd()
    },
    onResponseError(_controller, cause) {
      receiver.source = undefined
      if (!aborted) receiver.onError(cause)
    },
  }
}

function toFlatHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, of] of Object.entries(headers)) {
    if (of !== undefined) flat[name] = typeof of === 'string' ? of : of.join(', ')
  }
  return flat
}
