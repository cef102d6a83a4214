/** `npm test`: installs and builds what is missing, then runs every test; ends with `N passed, N failed`. */
import { become, build, install } from './workspace.mjs'

install()
build()
become('node', ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)])
