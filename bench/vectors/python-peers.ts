import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Folder of the peers. */
export const peersFolder = new URL('../peers/vectors/', import.meta.url).pathname

/** The Python peers: one process, one JSON line per request. */
export class Peers {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #folder: string

  private constructor(child: ChildProcess, folder: string) {
    this.#process = child
    this.#folder = folder
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  static async start(
    rows: Float32Array,
    queries: Float32Array | undefined,
    dimensions: number,
  ): Promise<Peers | undefined> {
    const python = join(peersFolder, '.venv/bin/python')
    if (!existsSync(python)) {
      console.log(`left out: faiss, hnswlib and scikit-learn in Python, as ${python} is not there`)
      return undefined
    }
    const folder = mkdtempSync(join(tmpdir(), 'paperkin-bench-'))
    await writeFile(join(folder, 'rows'), rows)
    if (queries !== undefined) await writeFile(join(folder, 'queries'), queries)
    const child = spawn(python, [join(peersFolder, 'peers.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
    const peers = new Peers(child, folder)
    await peers.ask({
      run: 'load',
      dimensions,
      rows: join(folder, 'rows'),
      ...(queries && { queries: join(folder, 'queries') }),
    })
    return peers
  }

  // biome-ignore lint/suspicious/noExplicitAny: each request has an answer of its own shape.
  async ask(request: object): Promise<any> {
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`)
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('The Python peers ended before they answered.')
    return JSON.parse(value)
  }

  end(): void {
    this.#process.stdin?.end()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
