// A library that is served in this process, and requests to it over real sockets, as they are written.
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PaperLibrary } from '../../src/library/paper-library.ts'
import type { PaperInput } from '../../src/paper.ts'
import { type Served, type ServeOptions, serve } from '../../src/serve/server.ts'

export const papers: readonly PaperInput[] = [
  ['p1', 'Methane from ponds', 'We count the bubbles of methane under the ice of forty ponds in autumn.'],
  ['p2', 'Bubbles under ice', 'Bubbles of methane under the ice of ponds are counted from photographs.'],
  ['p3', 'Designing a protein that binds', 'Protein design by a model of sequences and folds gives binders.'],
  ['p4', 'Protein design without templates', 'A protein is designed from noise; the fold of the protein is checked.'],
  ['p5', 'A gripper with ears', 'A robot gripper hears that an object slips from its fingers.'],
  ['p6', 'Robots that watch', 'Robots learn to grasp and move objects from few demonstrations.'],
].map(([id, title, abstract]) => ({ id: id!, title: title!, abstract: abstract! }))

export interface Trial {
  readonly folder: string
  readonly library: PaperLibrary
  readonly served: Served
  readonly port: number
  readonly host: string
  readonly problems: unknown[]
  end(): Promise<void>
}

/** Makes a library of those papers, and serves it. */
export async function servedLibrary(options: ServeOptions = {}): Promise<Trial> {
  const above = mkdtempSync(join(tmpdir(), 'paperkin-serve-'))
  const folder = join(above, 'papers')
  const writer = await PaperLibrary.open({ path: folder })
  await writer.add(papers)
  await writer.close()
  const library = await PaperLibrary.open({ path: folder, readOnly: true })
  const problems: unknown[] = []
  const served = await serve(library, { everyMs: 50, onProblem: (error) => problems.push(error), ...options })
  const { port } = new URL(served.origin)
  return {
    folder,
    library,
    served,
    port: Number(port),
    host: `127.0.0.1:${port}`,
    problems,
    end: async () => {
      await served.close()
      await library.close()
      rmSync(above, { recursive: true, force: true })
    },
  }
}

interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
  /** Everything, as it came. */
  readonly text: string
}

/** Sends bytes as they are and reads until the other side ends, or `isEnough`. */
export function raw(
  port: number,
  sent: string | Buffer,
  isEnough: (text: string) => boolean = () => false,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const end = () => {
      const [head = '', ...rest] = text.split('\r\n\r\n')
      socket.destroy()
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/u.exec(head)?.[1]), head, body: rest.join('\r\n\r\n'), text })
    }
    socket.on('data', (part) => {
      text += part.toString('latin1')
      if (isEnough(text)) end()
    })
    socket.on('end', end)
    // A refused client may find the connection gone; what it was told before counts.
    socket.on('error', (error) => (text === '' ? reject(error) : end()))
    socket.write(sent)
  })
}

/** A request of one line, headers and a body; the connection ends with its answer. */
export function request(
  port: number,
  line: string,
  headers: readonly string[],
  body: string | Buffer = '',
): Promise<RawAnswer> {
  const head = [`${line} HTTP/1.1`, ...headers, 'Connection: close', '', ''].join('\r\n')
  return raw(port, Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]))
}
