// The data of the page: the core at once, blocks of papers on first use, which may be before the browser has read them.
import { blockSize, type PageCore, type PageKin, type PageKinBlock, type PageSource } from '../page-data.ts'

/** The texts of a paper. */
export interface PaperText {
  readonly abstract: string
  readonly authors: readonly string[]
  readonly link: string
}

export interface FullPaper extends PaperText {
  readonly kin: readonly PageKin[]
}

const blocksKept = 12

export class Report {
  readonly core: PageCore
  readonly rows: number
  readonly blocks: number
  readonly #rowOf: ReadonlyMap<string, number>
  readonly #texts: Kept<TextBlock>
  readonly #kin: Kept<PageKinBlock>

  private constructor(core: PageCore) {
    this.core = core
    this.rows = core.ids.length
    this.blocks = Math.ceil(this.rows / blockSize)
    this.#rowOf = new Map(core.ids.map((id, row) => [id, row]))
    this.#texts = new Kept(
      async (block) =>
        new TextBlock(await this.bytes(`texts-${block}`), Math.min(blockSize, this.rows - block * blockSize)),
    )
    this.#kin = new Kept(async (block) => (await unpacked(`kin-${block}`)) as PageKinBlock)
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
    const [text, kin] = await Promise.all([this.text(row), this.kin(row)])
    return { ...text, kin }
  }

  async text(row: number): Promise<PaperText> {
    return (await this.texts(Math.floor(row / blockSize))).paper(row % blockSize)
  }

  /** The texts of a paper if its block is in the cache. */
  known(row: number): PaperText | undefined {
    return this.#texts.known(Math.floor(row / blockSize))?.paper(row % blockSize)
  }

  async kin(row: number): Promise<PageKin[]> {
    const [counts, rows, semantic, lexical, shared] = await this.#kin.get(Math.floor(row / blockSize))
    let start = 0
    for (let place = 0; place < row % blockSize; place++) start += counts[place]!
    return Array.from({ length: counts[row % blockSize]! }, (_, i) => ({
      row: rows[start + i]!,
      semantic: semantic[start + i]!,
      lexical: lexical[start + i]!,
      shared: shared[start + i]!.split('\n').filter((word) => word !== ''),
    }))
  }

  /** The texts of a block; the last 12 are cached. Rejects if the file was cut off before its end. */
  texts(block: number): Promise<TextBlock> {
    return this.#texts.get(block)
  }
}

/** The texts of a block's papers, which become strings when a paper is asked for. */
export class TextBlock {
  readonly bytes: Uint8Array
  /** Where each abstract starts, and where the last one ends. */
  readonly start: readonly number[]
  readonly sources: readonly PageSource[]

  constructor(bytes: Uint8Array, papers: number) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const start = [4 * papers]
    for (let place = 0; place < papers; place++) start.push(start[place]! + view.getUint32(4 * place, true))
    this.bytes = bytes
    this.start = start
    this.sources = JSON.parse(asText(bytes.subarray(start[papers])))
  }

  paper(place: number): PaperText {
    const [authors, link] = this.sources[place]!
    return { abstract: asText(this.bytes.subarray(this.start[place], this.start[place + 1])), authors, link }
  }
}

/** The last 12 blocks that were read. */
class Kept<Block> {
  readonly #read: (position: number) => Promise<Block>
  readonly #asked = new Map<number, Promise<Block>>()
  readonly #here = new Map<number, Block>()

  constructor(read: (position: number) => Promise<Block>) {
    this.#read = read
  }

  known(position: number): Block | undefined {
    return this.#here.get(position)
  }

  get(position: number): Promise<Block> {
    const known = this.#asked.get(position)
    if (known !== undefined) return known
    const reading = this.#read(position).then((block) => {
      if (this.#asked.has(position)) this.#here.set(position, block)
      return block
    })
    this.#asked.set(position, reading)
    if (this.#asked.size > blocksKept) {
      const [oldest = position] = this.#asked.keys()
      this.#asked.delete(oldest)
      this.#here.delete(oldest)
    }
    return reading
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const asText = (bytes: Uint8Array) => decoder.decode(bytes)

async function unpacked(name: string): Promise<unknown> {
  return JSON.parse(await (await inflated(name)).text())
}

async function inflated(name: string): Promise<Response> {
  const { readable, writable } = new DecompressionStream('deflate-raw')
  const writer = writable.getWriter()
  // A part that is cut off is reported by whoever reads it. A stream of a Blob would take its bytes through another process.
  writer.write(bytesOf(await arrived(name))).catch(() => undefined)
  writer.close().catch(() => undefined)
  return new Response(readable)
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
