// The papers' JSON, read from the log when it is asked for: a third of a log need not be in memory. The file that the
// papers were found in stays open, so that they can be read whatever takes its place.
import { readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { PaperkinError } from '../../errors.ts'
import { type Paper, paperFromJson } from '../../paper.ts'
import { damagedPaper, type PaperTexts, type StoredPaper } from './log-file.ts'
import { damaged, storeError } from './store-errors.ts'

/** Bytes read at once: neighbours are mostly asked for together. */
const WINDOW = 65_536

/** Files of replaced logs are closed when no paper is left that is in them. */
const files = new FinalizationRegistry<FileHandle>((file) => void file.close().catch(() => {}))

export class LogTexts implements PaperTexts {
  readonly #path: string
  readonly file: FileHandle
  readonly mustLetGo: boolean
  readonly #isOwner: boolean
  #window = Buffer.alloc(0)
  #position = 0

  /** `path` is the library's; an owner closes the file. */
  constructor(path: string, file: FileHandle, { isOwner }: { readonly isOwner: boolean }) {
    this.#path = path
    this.file = file
    this.#isOwner = isOwner
    // There, a file that somebody reads cannot be replaced.
    this.mustLetGo = isOwner && process.platform === 'win32'
    if (isOwner) files.register(this, file, this)
  }

  /** @throws PaperkinError `corrupt-store` where it is not as it was written, `unreadable-source`, `library-closed` */
  json(paper: StoredPaper): Buffer {
    const { id, frame } = paper
    const { start, length } = paper.place
    if (this.file.fd < 0 && frame.texts === undefined)
      throw new PaperkinError('library-closed', 'The library is closed: open it again with `PaperLibrary.open()`.')
    const bytes = frame.texts?.subarray(start, start + length) ?? this.#read(frame.position + start, length)
    if (bytes.length === length && paper.isWritten(bytes)) return bytes.subarray(Buffer.byteLength(id))
    throw damaged(this.#path, [damagedPaper(id)])
  }

  /** @throws what {@link json} throws, also for what is no paper */
  paper(stored: StoredPaper): Paper {
    const json = this.json(stored).toString()
    try {
      const paper = paperFromJson(stored.id, json)
      if (typeof paper.title === 'string' && typeof paper.abstract === 'string') return paper
    } catch {
      // No JSON.
    }
    throw damaged(this.#path, [damagedPaper(stored.id)])
  }

  /** Reads anew what is asked for next: the file may have grown, or been cut back and written over. */
  forget(): void {
    this.#window = Buffer.alloc(0)
  }

  #read(position: number, length: number): Buffer {
    const { fd } = this.file
    const isThere = position >= this.#position && position + length <= this.#position + this.#window.length
    if (!isThere) {
      const window = Buffer.allocUnsafeSlow(Math.max(WINDOW, length))
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

  async close(): Promise<void> {
    files.unregister(this)
    if (this.#isOwner) await this.file.close()
  }
}
