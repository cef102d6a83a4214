import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mockModel } from '../mock/bodies.ts'
import { toNginxProxyConfig } from '../mock/nginx-files.ts'
import type { TargetPlan } from './target.ts'

/** nginx as a plain proxy with kept connections and no buffering: the yardstick. */
export const nginxTarget: TargetPlan = {
  name: 'nginx',
  role: 'reference',
  model: mockModel,
  toHeaders: () => ({}),
  exact: true,
  async toProgram(site) {
    const config = join(site.directory, 'nginx.conf')
    writeFileSync(config, toNginxProxyConfig(site.directory, { listen: site.port, upstream: site.upstreamPort }))
    return { name: 'nginx', command: 'nginx', args: ['-c', config, '-g', 'daemon off;'] }
  },
}
