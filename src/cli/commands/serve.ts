import { once } from 'node:events'
import { Option } from 'commander'
import { count } from '../../report/wording.ts'
import { serve } from '../../serve/server.ts'
import { defineCommand, integer, type LibraryArguments, libraryOptions, marksOption } from '../command.ts'
import { noMarks } from '../for-you.ts'
import { libraryPlace, withLibrary } from '../open-papers.ts'
import { printableLine } from '../terminal.ts'
import { opened } from './open.ts'

interface ServeArguments extends LibraryArguments {
  readonly marks?: string
  readonly port?: number
  readonly open?: boolean
}

export const serveCommand = defineCommand<ServeArguments>({
  name: 'serve',
  summary: 'the page of a library, live, for this machine alone, until Ctrl-C',
  description:
    'Listens on 127.0.0.1 and prints an address with a token: open that. Questions are answered by the model, stars are kept beside the library, where `recommend` finds them, and papers that `add` brings meanwhile appear. Programs may ask too, with the token as `Authorization: Bearer`: /api/search?q=WORDS, /api/related?id=ID, /api/stars, /api/version.',
  usage: '[options] --library LIBRARY',
  options: [
    ...libraryOptions('the library to show'),
    marksOption(),
    new Option('--port <port>', 'the port to listen on (default: any that is free)').argParser(
      integer('--port', 0, 65_535),
    ),
    new Option('--open', 'open the page in the browser'),
  ],
  isPlain: true,
  examples: ['paperkin serve --library papers', 'paperkin serve --library papers --port 8765'],
  run: (_, options, context) => {
    const { marks } = options
    if (marks === undefined && 'postgres' in libraryPlace(options, context)) throw noMarks('`paperkin serve`')
    return withLibrary(options, context, async (library) => {
      const { signal, terminal } = context
      const served = await serve(library, {
        ...(marks !== undefined && { marks }),
        ...(options.port !== undefined && { port: options.port }),
        onProblem: (error) => terminal.note(`paperkin: ${printableLine((error as Error)?.message ?? String(error))}`),
      })
      try {
        terminal.note(
          `${count(library.size, 'paper')} of ${library.path}, for this machine alone; Ctrl-C ends it. Open`,
        )
        await terminal.write(`${served.address}\n`)
        if (options.open && !(await opened(served.ticket(), context)))
          terminal.note('There is no browser to open it with.')
        if (!signal.aborted) await once(signal, 'abort')
      } finally {
        await served.close()
      }
      return undefined
    })
  },
})
