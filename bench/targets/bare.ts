import { join } from 'node:path'
import { mockModel } from '../mock/bodies.ts'
import type { TargetPlan } from './target.ts'

const plain = { role: 'bare', model: mockModel, toHeaders: () => ({}), exact: true } as const

/** Node's floor: raw sockets on both sides. */
export const bareNetTarget: TargetPlan = {
  ...plain,
  name: 'node net',
  async toProgram(site) {
    const args = [join(import.meta.dirname, 'bare-net-server.ts'), String(site.port), String(site.upstreamPort)]
    return { name: 'node net', command: process.execPath, args }
  },
}

/** The floor of a server that stands on `node:http` and undici. */
export const bareUndiciTarget: TargetPlan = {
  ...plain,
  name: 'node http+undici',
  async toProgram(site) {
    const script = join(import.meta.dirname, 'bare-undici-server.ts')
    const args = [script, String(site.port), String(site.upstreamPort), String(site.connections)]
    return { name: 'node http undici', command: process.execPath, args }
  },
}
