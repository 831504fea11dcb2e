// Stars, read and hidden papers. The browser stores them by paper id, so that other pages with the same papers share them;
// they can be saved as a file that `paperkin recommend --like` reads.
import { keeper } from './live.ts'

export type Mark = 'starred' | 'read' | 'hidden'

const everyMark: readonly Mark[] = ['starred', 'read', 'hidden']

const place = 'paperkin-marks'

/** A paper in a file of marks. */
export interface MarkedPaper {
  readonly id: string
  readonly title: string
  readonly abstract: string
  readonly authors?: readonly string[]
  readonly categories?: readonly string[]
  readonly published?: string
  readonly url?: string
  /** Marks the record as paperkin's own, so that no field is guessed. */
  readonly extra: { readonly starred: true }
}

export class Marks {
  readonly #onChange: () => void
  readonly #onUnkept: (reason: string) => void
  readonly #ids: Readonly<Record<Mark, Set<string>>> = {
    starred: new Set(),
    read: new Set(),
    hidden: new Set(),
  }
  #isWarned = false

  /** @param onUnkept called once if the browser stores nothing */
  constructor(onChange: () => void, onUnkept: (reason: string) => void) {
    this.#onChange = onChange
    this.#onUnkept = onUnkept
    this.#load()
    // Another window changed the marks.
    window.addEventListener('storage', ({ key }) => {
      if (key !== place) return
      this.#load()
      onChange()
    })
  }

  has(mark: Mark, id: string): boolean {
    return this.#ids[mark].has(id)
  }

  /** Sets or removes a mark. */
  set(mark: Mark, ids: readonly string[], isSet: boolean): void {
    // Keep what another window has marked meanwhile.
    this.#load()
    for (const id of ids) {
      if (isSet) this.#ids[mark].add(id)
      else this.#ids[mark].delete(id)
    }
    this.#save()
    this.#onChange()
  }

  /** The content of a file with the marks of these ids. */
  file(ids: readonly string[], starred: readonly MarkedPaper[]): string {
    const own = (mark: Mark) => ids.filter((id) => this.#ids[mark].has(id))
    return `${JSON.stringify({ papers: starred, read: own('read'), hidden: own('hidden') }, null, 1)}\n`
  }

  /**
   * Adds the marks of a file: one of ours, or any JSON list of papers with ids, which become starred. Returns how many are new.
   * @throws Error with a message for the reader if the file has no marks
   */
  add(json: string): number {
    const read = idsIn(json)
    this.#load()
    let added = 0
    for (const mark of everyMark)
      for (const id of read[mark]) {
        if (!this.#ids[mark].has(id)) added++
        this.#ids[mark].add(id)
      }
    this.#save()
    this.#onChange()
    return added
  }

  #load(): void {
    let kept: unknown
    try {
      kept = JSON.parse(keeper().getItem(place) ?? 'null')
    } catch {
      return
    }
    if (typeof kept !== 'object' || kept === null) return
    for (const mark of everyMark) {
      const ids = (kept as Record<string, unknown>)[mark]
      if (!Array.isArray(ids)) continue
      this.#ids[mark].clear()
      for (const id of ids) if (typeof id === 'string') this.#ids[mark].add(id)
    }
  }

  #save(): void {
    try {
      keeper().setItem(place, JSON.stringify(Object.fromEntries(everyMark.map((mark) => [mark, [...this.#ids[mark]]]))))
    } catch {
      if (this.#isWarned) return
      this.#isWarned = true
      this.#onUnkept('This browser stores nothing for this page: save your stars as a file before you close it.')
    }
  }
}

function idsIn(json: string): Readonly<Record<Mark, readonly string[]>> {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    throw new Error('This is not a file of stars: it is not JSON.')
  }
  const { papers, read, hidden } = (Array.isArray(value) ? { papers: value } : (value ?? {})) as Record<string, unknown>
  const ids = (list: unknown) =>
    (Array.isArray(list) ? list : []).flatMap((one): string[] => {
      const id = typeof one === 'object' && one !== null ? (one as { id?: unknown }).id : one
      return typeof id === 'string' && id !== '' ? [id] : []
    })
  const found = { starred: ids(papers), read: ids(read), hidden: ids(hidden) }
  if (![papers, read, hidden].some(Array.isArray))
    throw new Error('This is not a file of stars: it has no list of papers with ids.')
  return found
}
