/** Where the files of models are kept on this machine. */
import { join } from 'node:path'

/** The folder of the models where nothing else is said. */
export function defaultModelsFolder(home: string): string {
  return join(home, '.llama-stack', 'models')
}
