/** The plan of a server whose configuration is a file or a distribution. */
import { explainConfig } from '../config/explain.ts'
import { readConfig } from '../config/load-config.ts'
import { checkProviderSettings } from './check-provider-settings.ts'
import type { Environment } from './command.ts'
import { findConfigFile } from './config-input.ts'
import { toServerOverrides } from './serve-options.ts'
import type { Planned, ServePlanInput } from './serve-plan.ts'
import { toNoteRemarks, toSummaryLines } from './stack-providers.ts'

export interface FilePlanInput extends Pick<ServePlanInput, 'options' | 'context'> {
  readonly env: Environment
  /** Where `--data` or `--ephemeral` puts the data; undefined: where the file says. */
  readonly dataDir: string | undefined
}

/** Reads and checks a configuration. Rejects with the `config_*` errors. */
export async function planFile(source: string, { options, context, env, dataDir }: FilePlanInput): Promise<Planned> {
  const loaded = await readConfig({
    ...(await findConfigFile(context, source)),
    env,
    overrides: { ...toServerOverrides(options), ...(dataDir === undefined ? {} : { dataDir }) },
  })
  await checkProviderSettings(loaded)
  const explanation = explainConfig(loaded.config)
  return {
    config: loaded.written,
    source: `${source}   ${explanation.dialectName}`,
    remarks: toNoteRemarks(explanation, source),
    toProviderLines: toSummaryLines,
  }
}
