/** Which version of the server this is. */
import manifest from '../../package.json' with { type: 'json' }

/** The version of the `llama-stack` package. */
export const VERSION: string = manifest.version
