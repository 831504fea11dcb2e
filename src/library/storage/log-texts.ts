// Reads the papers' JSON, about a third of a log, from disk on demand. The file stays open, so that its papers stay
// readable after another file has replaced it.
import { readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { PaperkinError } from '../../errors.ts'
import { type Paper, paperFromJson } from '../../paper.ts'
import { readAll } from '../../runtime/atomic-file.ts'
import { damaged, storeError } from './log-errors.ts'
import { damagedPaper, type LogPaper, type PaperTexts } from './log-file.ts'

/** Bytes per synchronous read; neighbouring papers are mostly read together. */
const windowBytes = 65_536
/** Papers closer than `gapBytes` are read together, up to `pieceBytes`. */
const gapBytes = 16_384
const pieceBytes = 2 ** 20
/** Pieces read in parallel: the size of libuv's thread pool. */
const parallelReads = 4

/** Closes the files of replaced logs once no paper refers to them. */
const files = new FinalizationRegistry<FileHandle>((file) => void file.close().catch(() => {}))

export class LogTexts implements PaperTexts {
  readonly #path: string
  readonly file: FileHandle
  readonly mustLetGo: boolean
  readonly #isOwner: boolean
  #window = Buffer.alloc(0)
  #position = 0

  /** `path` is the library's, for messages. `isOwner`: whether {@link close} closes the file. */
  constructor(path: string, file: FileHandle, { isOwner }: { readonly isOwner: boolean }) {
    this.#path = path
    this.file = file
    this.#isOwner = isOwner
    // Windows cannot replace a file that is open.
    this.mustLetGo = isOwner && process.platform === 'win32'
    if (isOwner) files.register(this, file, this)
  }

  /** @throws PaperkinError `corrupt-store` for a damaged paper, `unreadable-source`, `library-closed` */
  async readJson(papers: readonly LogPaper[], signal?: AbortSignal): Promise<Buffer[]> {
    const found = new Array<Buffer>(papers.length)
    const inFile: { readonly index: number; readonly from: number; readonly to: number }[] = []
    for (const [index, paper] of papers.entries()) {
      const { start, length } = paper.place
      const { texts, position } = paper.frame
      if (texts !== undefined) found[index] = this.#checked(paper, texts.subarray(start, start + length))
      else inFile.push({ index, from: position + start, to: position + start + length })
    }
    inFile.sort((a, b) => a.from - b.from)
    const pieces: (typeof inFile)[] = []
    for (const one of inFile) {
      const piece = pieces.at(-1)
      const [first, last] = [piece?.[0], piece?.at(-1)]
      const isNear =
        first !== undefined && last !== undefined && one.from - last.to < gapBytes && one.to - first.from <= pieceBytes
      if (isNear) piece?.push(one)
      else pieces.push([one])
    }
    for (let start = 0; start < pieces.length; start += parallelReads) {
      signal?.throwIfAborted()
      const reading = pieces.slice(start, start + parallelReads).map(async (piece) => {
        const from = (piece[0] as (typeof inFile)[number]).from
        const bytes = await this.#readAt(from, (piece.at(-1) as (typeof inFile)[number]).to - from)
        for (const one of piece)
          found[one.index] = this.#checked(
            papers[one.index] as LogPaper,
            bytes.subarray(one.from - from, one.to - from),
          )
      })
      await Promise.all(reading)
    }
    return found
  }

  /** @throws the errors of {@link readJson}; `corrupt-store` also if the JSON is not a paper */
  async readPapers(papers: readonly LogPaper[], signal?: AbortSignal): Promise<Paper[]> {
    const found = await this.readJson(papers, signal)
    return found.map((json, i) => this.#parsed(papers[i] as LogPaper, json))
  }

  readNow(paper: LogPaper): Paper {
    const { start, length } = paper.place
    const { texts, position } = paper.frame
    if (texts === undefined) this.#requireOpen()
    const bytes = texts?.subarray(start, start + length) ?? this.#readNow(position + start, length)
    return this.#parsed(paper, this.#checked(paper, bytes))
  }

  #checked(paper: LogPaper, bytes: Buffer): Buffer {
    if (bytes.length === paper.place.length && paper.isWritten(bytes))
      return bytes.subarray(Buffer.byteLength(paper.id))
    throw damaged(this.#path, [damagedPaper(paper.id)])
  }

  #parsed({ id }: LogPaper, json: Buffer): Paper {
    try {
      const paper = paperFromJson(id, json.toString())
      // The checksum proves that the bytes are unchanged, not that they are a paper.
      if (typeof paper.title === 'string' && typeof paper.abstract === 'string') return paper
    } catch {
      // Not JSON.
    }
    throw damaged(this.#path, [damagedPaper(id)])
  }

  /** Drops the read-ahead window: the file may have grown, or been truncated and overwritten. */
  forget(): void {
    this.#window = Buffer.alloc(0)
  }

  /** Reads bytes of the file; fewer at its end. */
  async #readAt(position: number, length: number): Promise<Buffer> {
    this.#requireOpen()
    try {
      return await readAll(this.file, Buffer.allocUnsafeSlow(length), position)
    } catch (error) {
      throw storeError(error, this.#path, 'read')
    }
  }

  #readNow(position: number, length: number): Buffer {
    const { fd } = this.file
    const isThere = position >= this.#position && position + length <= this.#position + this.#window.length
    if (!isThere) {
      const window = Buffer.allocUnsafeSlow(Math.max(windowBytes, length))
      let done = 0
      try {
        while (done < length) {
          const read = readSync(fd, window, done, window.length - done, position + done)
          if (read === 0) break
          done += read
        }
      } catch (error) {
        throw storeError(error, this.#path, 'read')
      }
      this.#window = window.subarray(0, done)
      this.#position = position
    }
    const from = position - this.#position
    return this.#window.subarray(from, from + length)
  }

  #requireOpen(): void {
    if (this.file.fd < 0)
      throw new PaperkinError('library-closed', 'The library is closed: open it again with `PaperLibrary.open()`.')
  }

  async close(): Promise<void> {
    files.unregister(this)
    if (this.#isOwner) await this.file.close()
  }
}
