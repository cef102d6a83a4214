/** The reference as HTML: the list at the side, the operations, the schemas they mention. */
import { curlCommand } from './example-request.ts'
import { html, prose } from './html.ts'
import type { Html } from './html.ts'
import { bodySchema, resolveParameter } from './openapi-document.ts'
import type { OpenApiDocument, Operation } from './openapi-document.ts'
import { renderFieldList, renderFields, renderSchemaLink } from './render-schema.ts'

/** The links to all operations, by group. */
export function renderNavigation(operations: readonly Operation[]): Html {
  return html`${byTag(operations).map(
    ([tag, group]) =>
      html`<div class="group">
        <p>${tag}</p>
        <ul aria-label="${tag}">
          ${group.map(
            (operation) =>
              html`<li data-operation="${operation.id}">
                <a href="#${operation.id}" title="${operation.summary ?? ''}"
                  >${renderMethod(operation)} ${renderPath(operation)}</a
                >
              </li>`,
          )}
        </ul>
      </div>`,
  )}`
}

/** All operations, by group; each is folded to one line. */
export function renderOperations(document: OpenApiDocument, operations: readonly Operation[], base: string): Html {
  return html`${byTag(operations).map(
    ([tag, group]) =>
      html`<section class="group" aria-label="${tag}">
        <h2>${tag}</h2>
        ${group.map((operation) => renderOperation(document, operation, base))}
      </section>`,
  )}`
}

/** Every named schema, once: operations link here. */
export function renderSchemas(document: OpenApiDocument): Html {
  const schemas = Object.entries(document.components?.schemas ?? {})
  return html`<section aria-label="Schemas">
    <h2>Schemas</h2>
    ${schemas.map(
      ([name, schema]) =>
        html`<details class="entry" id="schema-${name}">
          <summary><h3>${name}</h3></summary>
          <div class="content">
            ${schema.description !== undefined && prose(schema.description)} ${renderFields(document, schema)}
          </div>
        </details>`,
    )}
  </section>`
}

function renderOperation(document: OpenApiDocument, operation: Operation, base: string): Html {
  const { id, summary, description } = operation
  return html`<details class="entry" id="${id}" data-operation="${id}">
    <summary>
      <h3>${renderMethod(operation)} ${renderPath(operation)}</h3>
      <span class="summary">${summary} ${renderBadges(operation)}</span>
    </summary>
    <div class="content columns">
      <div>
        ${description !== undefined && prose(description)} ${renderParameters(document, operation)}
        ${renderBody(document, operation)}
      </div>
      <div>
        <h4>Example</h4>
        <div class="example">
          <pre><code>${curlCommand(document, operation, base)}</code></pre>
          <button type="button" class="copy" aria-label="Copy the example for ${operation.method} ${operation.path}">
            Copy
          </button>
        </div>
        ${renderReplies(document, operation)} ${renderErrors(operation)}
      </div>
    </div>
  </details>`
}

function renderBadges({ deprecated, security, 'x-stability': stability }: Operation): Html {
  const badges = [
    ...new Set([deprecated === true && 'deprecated', stability, security?.length === 0 && 'no key needed']),
  ].filter((badge) => typeof badge === 'string')
  return html`${badges.map((badge) => html`<span class="badge">${badge}</span>`)}`
}

function renderMethod({ method }: Operation): Html {
  return html`<span class="method ${method.toLowerCase()}">${method}</span>`
}

/** Long paths break where a part begins. */
function renderPath({ path }: Operation): Html {
  return html`<span class="path">${path.split(/(?=\/)/).map((part) => html`<wbr />${part}`)}</span>`
}

function renderParameters(document: OpenApiDocument, operation: Operation): Html {
  const parameters = (operation.parameters ?? []).map((parameter) => resolveParameter(document, parameter))
  return html`${(['path', 'query', 'header'] as const).map((place) => {
    const here = parameters.filter((parameter) => parameter.in === place)
    if (here.length === 0) return undefined
    const list = renderFieldList(
      document,
      here.map(({ name = '', schema = {}, description, required }) => ({
        name,
        schema: description === undefined ? schema : { ...schema, description },
        required: required === true,
      })),
    )
    // The same headers everywhere: out of the way until wanted.
    if (place === 'header')
      return html`<details>
        <summary>Headers <span class="limits">optional: ${here.map(({ name = '' }) => name).join(', ')}</span></summary>
        ${list}
      </details>`
    return html`<h4>${place === 'path' ? 'Path' : 'Query'}</h4>
      ${list}`
  })}`
}

function renderBody(document: OpenApiDocument, operation: Operation): Html | undefined {
  const body = bodySchema(operation)
  if (body === undefined) return undefined
  return html`<h4>Body ${body.$ref !== undefined && renderSchemaLink(body.$ref)}</h4>
    ${renderFields(document, body)}`
}

function renderReplies(document: OpenApiDocument, operation: Operation): Html {
  const replies = Object.entries(operation.responses ?? {}).filter(([status]) => status.startsWith('2'))
  return html`<h4>Replies</h4>
    ${replies.map(([status, { content = {} }]) => {
      const contents = Object.entries(content)
      if (contents.length === 0) return html`<p><code>${status}</code> without a described body</p>`
      return contents.map(
        ([type, { schema = {} }]) =>
          html`<details>
            <summary><code>${status}</code> <span class="limits">${type}</span></summary>
            ${schema.description !== undefined && prose(schema.description)}
            ${schema.$ref !== undefined && html`<p>${renderSchemaLink(schema.$ref)}</p>`}
            ${renderFields(document, schema)}
          </details>`,
      )
    })}`
}

function renderErrors(operation: Operation): Html | undefined {
  const errors = Object.entries(operation.responses ?? {}).filter(([status]) => !status.startsWith('2'))
  if (errors.length === 0) return undefined
  return html`<h4>Errors</h4>
    <dl class="errors">
      ${errors.map(
        ([status, { description = '' }]) =>
          html`<div>
            <dt>${status}</dt>
            <dd>${prose(description)}</dd>
          </div>`,
      )}
    </dl>`
}

function byTag(operations: readonly Operation[]): readonly (readonly [string, readonly Operation[]])[] {
  return [...Map.groupBy(operations, ({ tag }) => tag)]
}
