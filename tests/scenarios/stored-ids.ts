/** What a server has kept, page by page. */

interface Page {
  readonly data: readonly { readonly id: string }[]
  readonly has_more: boolean
  readonly last_id: string
}

/** The ids of all stored chat completions. */
export async function storedIds(url: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  for (let after = ''; ;) {
    const reply = await fetch(`${url}/v1/chat/completions?limit=100${after}`)
    // The shape is that of the API under test; what is missing fails the test.
    const page = (await reply.json()) as Page
    for (const { id } of page.data) ids.add(id)
    if (!page.has_more) return ids
    after = `&after=${page.last_id}`
  }
}
