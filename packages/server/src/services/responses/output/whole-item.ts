/** Items that come whole: approval requests, compactions, outputs of tools. */
import type { Item, Output } from './output.ts'

/** Adds an item that is finished as soon as it is there. */
export function addWholeItem(output: Output, item: Item): void {
  output.close(output.open(item, { abandon: () => undefined }), item)
}
