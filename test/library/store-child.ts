// A process of its own for the trials in store-trials.ts: node --import tsx store-child.ts add|write|read|try PATH …
// What it prints, a line at a time, is what it was told by the library.
import { setTimeout as wait } from 'node:timers/promises'
import { PaperkinError } from '../../src/errors.ts'
import { type OpenOptions, PaperLibrary } from '../../src/library/paper-library.ts'
import { letters } from './letters.ts'
import { batchOf, brokenPapers } from './store-trials.ts'

const [mode, path, ...rest] = process.argv.slice(2) as [string, string, ...string[]]
const say = (line: string) => process.stdout.write(`${line}\n`)

/** Opens the library, again and again while another process has it. */
async function open(options: OpenOptions = {}): Promise<PaperLibrary> {
  for (;;)
    try {
      return await PaperLibrary.open({ path, embedder: letters(), ...options })
    } catch (error) {
      if (!PaperkinError.isInstance(error) || error.code !== 'store-locked') throw error
      await wait(Math.random() * 20)
    }
}

if (mode === 'add') {
  // Batch after batch in one call each; a line once its promise has resolved.
  const library = await open()
  say('ready')
  for (let batch = 0; batch < Number(rest[0]); batch++) {
    await library.add(batchOf('kill', batch))
    if (batch % 5 === 4) await library.remove([(batchOf('kill', batch)[0] as { id: string }).id])
    say(String(batch))
  }
  await library.close()
} else if (mode === 'write') {
  const [name, seconds] = rest as [string, string]
  const end = Date.now() + 1000 * Number(seconds)
  for (let batch = 0; Date.now() < end; batch++) {
    const library = await open()
    await library.add(batchOf(name, batch))
    say(String(batch))
    await library.close()
    await wait(Math.random() * 10)
  }
} else if (mode === 'try') {
  await open().then(
    () => say('opened for writing'),
    (error) => say(`${error.code} ${error.message}`),
  )
  say(`${(await open({ readOnly: true })).size} papers`)
} else {
  const end = Date.now() + 1000 * Number(rest[0])
  let library = await open({ readOnly: true })
  let looks = 0
  let most = 0
  for (; Date.now() < end; looks++) {
    if (looks % 10 === 9) {
      await library.close()
      library = await open({ readOnly: true })
    } else await library.refresh()
    const broken = await brokenPapers(library, { isComplete: true })
    if (broken.length > 0 || library.size < most) {
      say(`broken ${broken.join(' ')} size ${library.size} after ${most}`)
      process.exit(1)
    }
    most = library.size
    await wait(Math.random() * 10)
  }
  await library.close()
  say(`looks ${looks} papers ${most}`)
}
