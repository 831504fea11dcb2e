// What a page does that `paperkin serve` sent: it asks the library, by its model, keeps marks there, and offers to show
// papers that were added. A page from disk does nothing of this.
import { count } from '../wording.ts'
import { button, element } from './dom.ts'
import type { Answer } from './questions.ts'
import type { Report } from './report.ts'

const isLive = document.documentElement.dataset.live !== undefined

/** How long to wait for another letter before the library is asked. */
const pauseMs = 150
const everyMs = 5000
const hitsAsked = 200

interface Hit {
  readonly id: string
  readonly lexical: number
  readonly isWeak?: true
}

interface Hits {
  readonly hits: readonly Hit[]
}

async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(path, { ...init, cache: 'no-store', redirect: 'error' })
  if (!response.ok) throw new Error(`${response.status}`)
  return response.json()
}

// ---- questions ---------------------------------------------------------------------------------------------------------

let asking = new AbortController()
let known: Report

/** An answer of the page, with the papers that the library finds first, in its order. */
export async function withLibrary(text: string, own: Promise<Answer>): Promise<Answer> {
  if (!isLive) return own
  asking.abort()
  asking = new AbortController()
  const { signal } = asking
  const found = new Promise((resolve) => setTimeout(resolve, pauseMs))
    .then(() =>
      signal.aborted ? undefined : ask(`api/search?k=${hitsAsked}&q=${encodeURIComponent(text)}`, { signal }),
    )
    .then((given) => (given as Hits | undefined)?.hits ?? [])
    // If the library does not answer, the page does.
    .catch((): readonly Hit[] => [])
  return joined(await own, await found)
}

function joined(own: Answer, hits: readonly Hit[]): Answer {
  // What was added since is not on the page yet, and what is not close is no answer.
  const near = hits.flatMap((hit) => {
    const row = hit.isWeak ? undefined : known.rowOf(hit.id)
    return row === undefined ? [] : [{ row, isByMeaning: hit.lexical === 0 }]
  })
  const first = near.map(({ row }) => row)
  const listed = new Set(first)
  return {
    ...own,
    rows: [...first, ...own.rows.filter((row) => !listed.has(row))],
    byMeaning: new Set([...own.byMeaning, ...near.flatMap(({ row, isByMeaning }) => (isByMeaning ? [row] : []))]),
  }
}

/** Papers like those with these ids, best first: as the library finds them; if it does not answer, as the page does. */
export async function likeInLibrary(
  ids: readonly string[],
  k: number,
  own: () => Promise<readonly number[]>,
): Promise<readonly number[]> {
  if (!isLive) return own()
  const query = new URLSearchParams([['k', String(k)], ...ids.map((id) => ['id', id])])
  const given = await ask(`api/related?${query}`).catch(() => undefined)
  // What was added since is not on the page yet.
  return given === undefined ? own() : (given as Hits).hits.flatMap(({ id }) => known.rowOf(id) ?? [])
}

// ---- marks -------------------------------------------------------------------------------------------------------------

type Marked = Record<string, readonly string[]>

/** The library's marks as the page has them. */
let marks: Marked = {}
let sending: Promise<unknown> = Promise.resolve()
let changes = 0

/** Where the page keeps its marks: the browser, or the library. */
export const keeper = (): Pick<Storage, 'getItem' | 'setItem'> =>
  isLive
    ? { getItem: () => JSON.stringify(marks), setItem: (_, text) => keep(JSON.parse(text) as Marked) }
    : localStorage

/** Sends what is different, one change after the other. */
function keep(next: Marked): void {
  for (const [mark, ids] of Object.entries(next)) {
    const kept = marks[mark] ?? []
    const [before, after] = [new Set(kept), new Set(ids)]
    send(
      mark,
      ids.filter((id) => !before.has(id)),
      true,
    )
    send(
      mark,
      kept.filter((id) => !after.has(id)),
      false,
    )
  }
  marks = next
}

function send(mark: string, all: readonly string[], value: boolean): void {
  // A file of stars may name papers of other libraries.
  const ids = value ? all.filter((id) => known.rowOf(id) !== undefined) : all
  if (ids.length === 0) return
  changes++
  const body = JSON.stringify({ ids, mark, value })
  sending = sending
    .then(() => ask('api/stars', { method: 'POST', headers: { 'content-type': 'application/json' }, body }))
    .catch(() => {
      tell('This mark was not kept: the library does not answer. Start `paperkin serve` again, and open its address.')
      return loadMarks().catch(() => undefined)
    })
}

async function loadMarks(): Promise<void> {
  const turn = changes
  const given = (await ask('api/stars')) as Marked
  // What was marked meanwhile is newer.
  if (turn !== changes || JSON.stringify(given) === JSON.stringify(marks)) return
  marks = given
  // As if another window had changed them.
  window.dispatchEvent(new StorageEvent('storage', { key: 'paperkin-marks' }))
}

// ---- news --------------------------------------------------------------------------------------------------------------

const notice = element('div', { class: 'notice', role: 'status', hidden: true })

function tell(text: string, ...more: readonly Node[]): void {
  if (!notice.isConnected) (document.querySelector('.app') ?? document.body).append(notice)
  notice.hidden = false
  notice.replaceChildren(element('span', {}, text), ...more)
}

/** Connects a page to the library that it came from, if it did; gives back its report. */
export async function connected(report: Report): Promise<Report> {
  known = report
  if (!isLive) return report
  await loadMarks().catch(() => undefined)
  const opened = (await ask('api/version').catch(() => undefined)) as { readonly version: number } | undefined
  let isGone = false
  const look = async (): Promise<void> => {
    if (document.visibilityState !== 'visible') return
    try {
      const { version, papers } = (await ask('api/version')) as { readonly version: number; readonly papers: number }
      await sending
      await loadMarks()
      if (isGone) notice.hidden = true
      isGone = false
      if (version === opened?.version) return
      const more = papers - report.rows
      const what = more > 0 ? `${count(more, 'new paper')}.` : 'The library has changed.'
      tell(
        what,
        button({ class: 'act' }, () => location.reload(), 'Show'),
      )
    } catch {
      isGone = true
      tell('The library does not answer: start `paperkin serve` again, and open its address. Marks are not kept.')
    }
  }
  setInterval(() => void look(), everyMs)
  document.addEventListener('visibilitychange', () => void look())
  return report
}
