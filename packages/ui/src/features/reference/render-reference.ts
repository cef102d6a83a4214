/** The reference as HTML: the list at the side, the operations, the schemas they mention. */
import { curlCommand } from './example-request.ts'
import { html, prose } from './html.ts'
import type { Html } from './html.ts'
import { bodySchema, resolveParameter } from './openapi-document.ts'
import type { OpenApiDocument, Operation } from './openapi-document.ts'
import { renderFields, renderRow } from './render-schema.ts'

/** The links to all operations, by group. */
export function renderNavigation(operations: readonly Operation[]): Html {
  return html`${byTag(operations).map(
    ([tag, group]) =>
      html`<h2>${tag}</h2>
        <ul>
          ${group.map(
            (operation) =>
              html`<li>
                <a href="#${operation.id}" title="${operation.summary ?? ''}"
                  >${renderMethod(operation)} <span class="path">${operation.path}</span></a
                >
              </li>`,
          )}
        </ul>`,
  )}`
}

/** All operations, by group. */
export function renderOperations(document: OpenApiDocument, operations: readonly Operation[], origin: string): Html {
  if (operations.length === 0)
    return html`<p class="empty">No operation matches. Try a part of the path, as in <code>chat</code>.</p>`
  return html`${byTag(operations).map(
    ([tag, group]) =>
      html`<section aria-label="${tag}">
        <h2>${tag}</h2>
        ${group.map((operation) => renderOperation(document, operation, origin))}
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
        html`<article id="schema-${name}">
          <h3><a href="#schema-${name}">${name}</a></h3>
          ${schema.description !== undefined && prose(schema.description)} ${renderFields(document, schema)}
        </article>`,
    )}
  </section>`
}

function renderOperation(document: OpenApiDocument, operation: Operation, origin: string): Html {
  const { id, summary, description, deprecated, path } = operation
  const body = bodySchema(operation)
  return html`<article id="${id}">
    <h3>
      <a href="#${id}">${renderMethod(operation)} <span class="path">${path}</span></a>
    </h3>
    <p class="summary">
      ${summary} ${deprecated === true && html`<span class="badge">deprecated</span>`}
      ${operation['x-stability'] !== undefined && html`<span class="badge">${operation['x-stability']}</span>`}
      ${operation.security?.length === 0 && html`<span class="badge">no key needed</span>`}
    </p>
    ${description !== undefined && prose(description)} ${renderParameters(document, operation)}
    ${
      body !== undefined &&
      html`<h4>Body</h4>
        ${renderFields(document, body)}`
    }
    ${renderResponses(document, operation)}
    <h4>Example</h4>
    <div class="example">
      <button type="button" class="copy">Copy</button>
      <pre tabindex="0"><code>${curlCommand(document, operation, origin)}</code></pre>
    </div>
  </article>`
}

function renderMethod({ method }: Operation): Html {
  return html`<span class="method ${method.toLowerCase()}">${method}</span>`
}

function renderParameters(document: OpenApiDocument, operation: Operation): Html {
  const parameters = (operation.parameters ?? []).map((parameter) => resolveParameter(document, parameter))
  return html`${(['path', 'query', 'header'] as const).map((place) => {
    const here = parameters.filter((parameter) => parameter.in === place)
    if (here.length === 0) return undefined
    const table = html`<div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          ${here.map(({ name = '', schema = {}, description, required }) =>
            renderRow(name, description === undefined ? schema : { ...schema, description }, required === true),
          )}
        </tbody>
      </table>
    </div>`
    // The same headers everywhere: out of the way until wanted.
    if (place === 'header')
      return html`<details>
        <summary>Headers</summary>
        ${table}
      </details>`
    return html`<h4>${place === 'path' ? 'Path' : 'Query'}</h4>
      ${table}`
  })}`
}

function renderResponses(document: OpenApiDocument, operation: Operation): Html {
  return html`<h4>Replies</h4>
    ${Object.entries(operation.responses ?? {}).map(([status, response]) => {
      const contents = Object.entries(response.content ?? {})
      if (!status.startsWith('2'))
        return html`<div class="reply"><code>${status}</code> ${prose(response.description ?? '')}</div>`
      if (contents.length === 0) return html`<p class="reply"><code>${status}</code> without a body</p>`
      return contents.map(
        ([type, { schema = {} }]) =>
          html`<details>
            <summary><code>${status}</code> ${type}</summary>
            ${schema.description !== undefined && prose(schema.description)} ${renderFields(document, schema)}
          </details>`,
      )
    })}`
}

function byTag(operations: readonly Operation[]): readonly (readonly [string, readonly Operation[]])[] {
  const groups = new Map<string, Operation[]>()
  for (const operation of operations) {
    const group = groups.get(operation.tag)
    if (group === undefined) groups.set(operation.tag, [operation])
    else group.push(operation)
  }
  return [...groups]
}
