/** `npm start`: installs what is missing, builds what is missing, serves on 127.0.0.1:8321. */
import { become, build, install } from './workspace.mjs'

install()
build()
const args = process.argv.slice(2)
// `npm start --port 9000` without the double dash: npm keeps the flag for itself and tells it in its environment.
const { npm_config_port: port } = process.env
if (port !== undefined && port !== 'true' && !args.some((arg) => arg.startsWith('--port'))) args.push('--port', port)
become('node', ['packages/server/dist/cli/main.js', ...args])
