// The data of the page: the core at once, blocks of papers on first use, which may be before the browser has read them.
import { blockSize, type PageCore, type PageKin, type PagePaper } from '../page-data.ts'

/** The parts of a paper that are in its block. */
export interface FullPaper {
  readonly abstract: string
  readonly authors: readonly string[]
  readonly link: string
  readonly kin: readonly PageKin[]
}

const blocksKept = 12

export class Report {
  readonly core: PageCore
  readonly rows: number
  readonly blocks: number
  readonly #rowOf: ReadonlyMap<string, number>
  readonly #kept = new Map<number, Promise<readonly PagePaper[]>>()
  readonly #unpacked = new Map<number, readonly PagePaper[]>()

  private constructor(core: PageCore) {
    this.core = core
    this.rows = core.ids.length
    this.blocks = Math.ceil(this.rows / blockSize)
    this.#rowOf = new Map(core.ids.map((id, row) => [id, row]))
  }

  static async open(): Promise<Report> {
    return new Report((await unpacked('core')) as PageCore)
  }

  /** Whether all blocks fit into the cache. */
  get isSmall(): boolean {
    return this.blocks <= blocksKept
  }

  rowOf(id: string): number | undefined {
    return this.#rowOf.get(id)
  }

  /** A binary part of the data. */
  async bytes(name: string): Promise<Uint8Array> {
    return new Uint8Array(await (await inflated(name)).arrayBuffer())
  }

  async paper(row: number): Promise<FullPaper> {
    return fullPaper(row, await this.block(Math.floor(row / blockSize)))
  }

  /** A paper if its block is in the cache. */
  known(row: number): FullPaper | undefined {
    const papers = this.#unpacked.get(Math.floor(row / blockSize))
    return papers && fullPaper(row, papers)
  }

  /** The papers of a block; the last 12 are cached. Rejects if the file was cut off before its end. */
  block(position: number): Promise<readonly PagePaper[]> {
    const known = this.#kept.get(position)
    if (known !== undefined) return known
    const block = (unpacked(`block-${position}`) as Promise<readonly PagePaper[]>).then((papers) => {
      if (this.#kept.has(position)) this.#unpacked.set(position, papers)
      return papers
    })
    this.#kept.set(position, block)
    if (this.#kept.size > blocksKept) {
      const [oldest = position] = this.#kept.keys()
      this.#kept.delete(oldest)
      this.#unpacked.delete(oldest)
    }
    return block
  }
}

function fullPaper(row: number, papers: readonly PagePaper[]): FullPaper {
  const [abstract, authors, link, kin] = papers[row % blockSize]!
  return { abstract, authors, link, kin }
}

async function unpacked(name: string): Promise<unknown> {
  return JSON.parse(await (await inflated(name)).text())
}

async function inflated(name: string): Promise<Response> {
  const bytes = bytesOf(await arrived(name))
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')))
}

/** The text of an element, once the browser has read all of it: then another node follows. */
async function arrived(name: string): Promise<string> {
  for (;;) {
    const element = document.getElementById(name)
    if (element?.nextSibling || document.readyState !== 'loading') return element?.textContent ?? ''
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const direct = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64
  if (direct !== undefined) return direct.call(Uint8Array, base64)
  const binary = atob(base64)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}
