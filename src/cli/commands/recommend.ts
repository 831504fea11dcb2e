import { Option } from 'commander'
import { PaperkinError } from '../../errors.ts'
import type { Seed } from '../../library/asking/seeds.ts'
import type { PaperLibrary } from '../../library/paper-library.ts'
import { count } from '../../report/wording.ts'
import { feedFormat } from '../../report/write-recommended.ts'
import { readPapers } from '../../sources/read-papers.ts'
import { defineCommand, fileHelp, hitsOption, papersOptions } from '../command.ts'
import { wrapped } from '../fitted-text.ts'
import {
  feedOption,
  forYouHeading,
  forYouLines,
  keptLiking,
  type LikingArguments,
  likingOptions,
  nothingLiked,
  readLiking,
  writeRecommended,
} from '../for-you.ts'
import { hitData } from '../hits.ts'
import { type PapersArguments, sourceReading, withLibrary, withPapers } from '../open-papers.ts'

interface RecommendArguments extends PapersArguments, LikingArguments {
  readonly k: number
  readonly omitDuplicates?: boolean
  readonly out?: string
}

export const recommendCommand = defineCommand<RecommendArguments>({
  name: 'recommend',
  summary: 'recommend papers, based on those that you like',
  description:
    '--like takes a reference manager’s file or any other supported file, or an id. Papers are ranked by how much more they are like those than like the rest. With both --library and files, the papers of the files are ranked, and those of the library serve as background. Without --like, the papers that you starred in `paperkin serve` are liked, and those that you hid there are not wanted.',
  usage: '[options] FILE… --like FILE | --library LIBRARY [FILE…] [--like FILE]',
  arguments: [['[file...]', `${fileHelp}: the papers to choose from`]],
  options: [
    hitsOption(10),
    ...likingOptions(),
    new Option('--omit-duplicates', 'leave out near-duplicates of those papers'),
    feedOption(),
    ...papersOptions(),
  ],
  examples: [
    'paperkin recommend today.txt --like refs.bib',
    'paperkin recommend today.txt --like refs.bib --unlike 2407.01234 --k 5',
    'paperkin recommend today.txt --like refs.bib --out for-me.xml',
    'paperkin recommend --library papers --like refs.bib --json',
  ],
  run: async (files, options, context) => {
    const { k, library: place, marks, omitDuplicates = false, out } = options
    if (out !== undefined) feedFormat(out)
    const named = await readLiking(options, context)
    const isKept = files.length === 0 || place !== undefined
    if (named === undefined && !isKept) throw new PaperkinError('invalid-argument', expectsLike)
    const { signal, terminal } = context
    const answer = async (
      library: PaperLibrary,
      { among, sources = [] }: { readonly among?: readonly Seed[]; readonly sources?: readonly unknown[] },
    ) => {
      const liking = await (named?.(library) ?? keptLiking(library, { marks, signal }))
      if (liking === undefined) throw nothingLiked(library, marks, expectsLike)
      const found = await library.recommend({
        ...liking,
        k,
        why: true,
        omitDuplicates,
        signal,
        ...(among && { among }),
      })
      const from = among?.length ?? library.size
      const { hits, known } = found
      const { liked, disliked } = liking
      const heading = forYouHeading(found, liking, from)
      const title = `For you: ${count(hits.length, 'paper')}`
      const written = out === undefined ? undefined : await writeRecommended(out, found, title)
      return {
        page: (columns: number) =>
          written ?? [wrapped(heading, columns), '', ...forYouLines(hits, terminal, columns)].join('\n'),
        data: () => ({
          liked: liked.length,
          disliked: disliked.length,
          hits: hits.map(hitData),
          known,
          sources,
          ...(out !== undefined && { out }),
        }),
        records: () => hits.map(hitData),
      }
    }
    if (files.length > 0 && place !== undefined) {
      const { sources, read } = sourceReading(files, options, context)
      const among = await readPapers(sources, read)
      return withLibrary(options, context, (library) => answer(library, { among }))
    }
    return withPapers(files, options, context, ({ library, sources }) => answer(library, { sources }))
  },
})

const expectsLike =
  'Expected --like with a file of papers that you like, or an id; or a library with papers that you starred in `paperkin serve`.'
