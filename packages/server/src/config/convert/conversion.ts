/** What a conversion carries along: what it has to say, and what it has to leave out. */
import type { ConfigDocument } from '../config-document.ts'
import type { ConfigPath } from '../config-path.ts'
import { formatPath } from '../config-path.ts'
import type { ConfigNote } from '../stack-config.ts'

/** One conversion in progress. */
export class Conversion {
  readonly notes: ConfigNote[] = []
  /** Ids of inference providers that have no successor. */
  readonly lostProviders = new Set<string>()
  readonly #source: ConfigDocument

  constructor(source: ConfigDocument) {
    this.#source = source
  }

  /** Something that has no successor. */
  lost(path: ConfigPath, message: string, fix?: string): void {
    this.#note('unsupported', path, { message, fix })
  }

  /** Something that is done in another way. */
  changed(path: ConfigPath, message: string, fix?: string): void {
    this.#note('info', path, { message, fix })
  }

  #note(severity: ConfigNote['severity'], path: ConfigPath, text: { message: string; fix: string | undefined }): void {
    const line = this.#source.locate(path, 'key')?.line
    this.notes.push({
      severity,
      path: formatPath(path),
      message: text.message,
      ...(line === undefined ? {} : { line }),
      ...(text.fix === undefined ? {} : { fix: text.fix }),
    })
  }
}
