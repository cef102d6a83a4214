/** The progress bar of one file that is downloaded. */
import type { DownloadProgress } from '../kernel/download.ts'
import type { CommandContext } from './command.ts'
import { createProgress } from './progress.ts'
import type { Progress } from './progress.ts'
import { toTerminal } from './terminal.ts'

/** The bar of a download. Disposing ends its line. */
export interface DownloadBar extends Disposable {
  report(progress: DownloadProgress): void
}

/** Creates a bar, which begins when the size is known. Quiet, it is never drawn. */
export function createDownloadBar(label: string, quiet: boolean, context: CommandContext): DownloadBar {
  let bar: Progress | undefined
  return {
    report({ doneBytes, resumedBytes, totalBytes }) {
      if (quiet || totalBytes === undefined) return
      bar ??= createProgress({
        label,
        totalBytes,
        resumedBytes,
        sink: context.stderr,
        terminal: toTerminal(context.stderr, context.env),
        clock: context.clock,
      })
      bar.update(doneBytes)
    },
    [Symbol.dispose]: () => bar?.[Symbol.dispose](),
  }
}
