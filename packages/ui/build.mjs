// Builds the pages that the server serves: each one self-contained file, which asks for nothing but the server's own
// OpenAPI document. Its content security policy names the hashes of its one script and its one style.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const source = join(here, 'src/features/reference')
const output = join(here, '../server/dist/ui')

async function bundle(file) {
  const { outputFiles } = await build({
    entryPoints: [join(source, file)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
  })
  const [only] = outputFiles
  return only.text.trim()
}

const [script, style] = await Promise.all([bundle('main.ts'), bundle('reference.css')])
for (const [name, text] of Object.entries({ script, style })) {
  if (text.includes(`</${name}`)) throw new TypeError(`the bundled ${name} would close its own element`)
}
// Functions, because a replacement text would give `$&` in the script a meaning.
const page = readFileSync(join(source, 'reference.html'), 'utf8')
  .replace('%STYLE%', () => style)
  .replace('%SCRIPT%', () => script)

/** Of the element's text as it stands in the page, indentation included: that is what a browser hashes. */
function hashOf(element) {
  const [, text] = new RegExp(`<${element}>([^]*?)</${element}>`).exec(page)
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

const policy = [
  "default-src 'none'",
  `script-src ${hashOf('script')}`,
  `style-src ${hashOf('style')}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')
mkdirSync(output, { recursive: true })
writeFileSync(
  join(output, 'reference.html'),
  page.replace('%CSP%', () => policy),
)
