// Follows a library that another process may write to, and keeps a report page of it ready.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PaperkinError } from '../errors.ts'
import type { PaperLibrary } from '../library/paper-library.ts'
import { isPostgresUrl } from '../library/postgres/database.ts'
import { logName } from '../library/storage/log-folder.ts'
import { livePage } from '../report/html.ts'

/** A page, and the Content-Security-Policy to send with it. */
interface BuiltPage {
  readonly bytes: Buffer
  readonly policy: string
}

interface LiveOptions {
  /** Milliseconds between checks of the library. */
  readonly everyMs: number
  /** Called with errors that occur while no request is waiting. */
  readonly onProblem: (error: unknown) => void
}

/** While papers keep arriving, the page is rebuilt at least this often, in milliseconds. */
const longestStale = 60_000
/** Times that a page is begun again because papers were added while it was built. */
const mostBuilds = 5

export class LiveLibrary {
  readonly library: PaperLibrary
  /** Undefined for a library on Postgres, which is asked whether it has changed. */
  readonly #log: string | undefined
  readonly #options: LiveOptions
  readonly #ending = new AbortController()
  #page: Promise<BuiltPage>
  #version = 1
  #papers: number
  #seen: string
  #staleSince: number | undefined
  #timer: NodeJS.Timeout | undefined
  #working: Promise<unknown>

  private constructor(library: PaperLibrary, log: string | undefined, seen: string, options: LiveOptions) {
    this.library = library
    this.#log = log
    this.#seen = seen
    this.#options = options
    this.#papers = library.size
    this.#page = this.#build()
    // A failure is reported by `page()`.
    this.#working = this.#page.catch(() => this.#missed()).then(() => this.#plan())
  }

  /** Starts following a library and building its page. */
  static async follow(library: PaperLibrary, options: LiveOptions): Promise<LiveLibrary> {
    if (library.path === undefined)
      throw new PaperkinError('invalid-argument', 'Expected a library on disk or on Postgres, got one in memory.')
    const log = isPostgresUrl(library.path) ? undefined : join(library.path, logName)
    const seen = log === undefined ? '' : await stateOf(log)
    // Papers may have been added since the library was opened.
    await library.refresh()
    return new LiveLibrary(library, log, seen, options)
  }

  /** The latest page, as counted by {@link version}; pending only until the first one is built. */
  page(): Promise<BuiltPage> {
    return this.#page
  }

  /** `version` increases with each new page; `papers` is the number of papers on it. */
  get version(): { readonly version: number; readonly papers: number } {
    return { version: this.#version, papers: this.#papers }
  }

  /** Stops following, and cancels work in progress; the library stays open. */
  async end(): Promise<void> {
    this.#ending.abort(new PaperkinError('library-closed', 'The server is ending.'))
    clearTimeout(this.#timer)
    await this.#working
  }

  #plan(): void {
    if (this.#ending.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#working = this.#look()
        .catch((error: unknown) => {
          if (!this.#ending.signal.aborted) this.#options.onProblem(error)
        })
        .then(() => this.#plan())
    }, this.#options.everyMs)
  }

  async #look(): Promise<void> {
    const isChanged = await this.#refreshed()
    if (isChanged) this.#staleSince ??= Date.now()
    // Writers add in batches: the page is rebuilt once they pause.
    if (this.#staleSince === undefined || (isChanged && Date.now() - this.#staleSince < longestStale)) return
    this.#staleSince = undefined
    const page = await this.#build().catch((error) => {
      this.#missed()
      throw error
    })
    this.#page = Promise.resolve(page)
    this.#papers = this.library.size
    this.#version++
  }

  /** Takes in what a writer has changed; resolves to whether there was anything. */
  async #refreshed(): Promise<boolean> {
    const { signal } = this.#ending
    if (this.#log === undefined) return this.library.refresh({ signal })
    const state = await stateOf(this.#log)
    if (state === this.#seen) return false
    // Set before reading: a state that cannot be read is not retried; the next change is.
    this.#seen = state
    await this.library.refresh({ signal })
    return true
  }

  /** A page of a library on Postgres is tried again: the server may have been away. */
  #missed(): void {
    if (this.#log === undefined) this.#staleSince = Date.now()
  }

  async #build(): Promise<BuiltPage> {
    const { signal } = this.#ending
    for (let builds = 1; ; builds++) {
      try {
        const topics = await this.library.topics({ signal })
        const { page, policy } = livePage(await this.library.report(topics, { format: 'html', signal }))
        return { bytes: Buffer.from(page), policy }
      } catch (error) {
        // On Postgres papers may have been added between the two.
        if (this.#log !== undefined || builds === mostBuilds || !(await this.#refreshed())) throw error
      }
    }
  }
}

/** A text that changes when the file is written to or replaced; empty if the file is missing. */
async function stateOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs}`
}
