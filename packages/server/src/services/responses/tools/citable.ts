/** What tools found that a text may cite. */
import type { WebSearchHit } from '@llama-stack/api'
import type { CitableFile } from '../../search-tools/citation-stripper.ts'

export interface Citable {
  readonly hits?: readonly WebSearchHit[]
  /** By every id that a model may use. */
  readonly files?: ReadonlyMap<string, CitableFile>
}
