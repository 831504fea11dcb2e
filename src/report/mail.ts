// Papers as HTML for mail programs: tables and inline styles, at most 600 pixels wide, no script, nothing fetched, ASCII in
// lines that mail servers accept (RFC 5322).
import { paperName } from '../paper.ts'
import { paperLink, searchLink } from './links.ts'
import { type RecommendedPaper, type RecommendedPapers, reasonOf } from './recommended.ts'
import { longDate, shortScore } from './wording.ts'

const font = 'font-family:Helvetica,Arial,sans-serif;'

/** The page, one row per paper with its title, authors, reason and abstract. */
export function mailPage({ title, papers }: RecommendedPapers): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${html(title)}</title>
</head>
<body style="margin:0;padding:0;background-color:#ffffff;">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
<tr>
<td align="center" style="padding:16px;">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;">
<tr>
<td style="${font}padding:0 0 8px;">
<h1 style="margin:0;font-size:22px;line-height:28px;color:#1a1a1a;">${html(title)}</h1>
</td>
</tr>
${papers.map(row).join('')}</table>
</td>
</tr>
</table>
</body>
</html>
`
}

function row(one: RecommendedPaper): string {
  const { paper, score } = one
  const { abstract, authors = [], published } = paper
  const link = paperLink(paper)
  const reason = reasonOf(one)
  const facts = [authors.join(', '), published === undefined ? '' : longDate(published)].filter((fact) => fact !== '')
  const why = score === undefined ? reason : `${shortScore(score)}${reason && `: ${reason}`}`
  const line = (text: string, style: string) =>
    text === '' ? '' : `<p style="margin:4px 0 0;${style}">${html(text)}</p>\n`
  return `<tr>
<td style="${font}padding:16px 0;border-top:1px solid #d8d8d8;">
<h2 style="margin:0;font-size:17px;line-height:23px;"><a
href="${html(link ?? searchLink(paper), { isAttribute: true })}" style="color:#1f5fa8;text-decoration:none;">${html(paperName(paper))}</a></h2>
${line(facts.join(' · '), 'font-size:13px;line-height:18px;color:#595959;')}${line(why, 'font-size:13px;line-height:18px;color:#7a4a12;')}${abstract
  .split(/\n\s*\n/u)
  .map((paragraph) => line(paragraph.trim(), 'font-size:14px;line-height:20px;color:#1a1a1a;'))
  .join('')}</td>
</tr>
`
}

/** Characters of text per line. Lines of a mail hold at most 998 bytes, which some share with markup. */
const mostOfLine = 400

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are removed.
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/gu

/** Escapes text as ASCII and wraps it into short lines; attributes are not wrapped. */
function html(text: string, { isAttribute = false } = {}): string {
  const safe = text
    .toWellFormed()
    .replace(control, '')
    .replace(/[&<>"']|[^\t\n\r -~]/gu, (character) => `&#${character.codePointAt(0)};`)
  if (isAttribute) return safe
  const lines: string[] = []
  let line = ''
  for (const word of safe.trim().split(/\s+/u)) {
    if (line !== '' && line.length + 1 + word.length > mostOfLine) {
      lines.push(line)
      line = ''
    }
    line += (line === '' ? '' : ' ') + broken(word)
  }
  return [...lines, line].join('\n')
}

/** Splits an overlong word, such as a text in Chinese: the line breaks inside a tag, where it has no meaning. */
function broken(word: string): string {
  if (word.length <= mostOfLine) return word
  return (word.match(/(?:&#\d+;|[^&]){1,40}/gu) ?? []).join('<wbr\n>')
}
