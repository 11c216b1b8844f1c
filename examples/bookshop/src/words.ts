/** What the generated books, authors and customers are made of. */

export const categories = [
  ["crime", "Crime"],
  ["science-fiction", "Science Fiction"],
  ["fantasy", "Fantasy"],
  ["history", "History"],
  ["nature", "Nature"],
  ["cooking", "Cooking"],
  ["travel", "Travel"],
  ["poetry", "Poetry"],
  ["computing", "Computing"],
  ["children", "Children"],
  ["railways", "Railways"],
  ["music", "Music"],
] as const;

export const firstNames = words(`
  Ada Amara Anders Aya Beatriz Bruno Chiara Clara Dario Edith Elif Emeka Esther Farah Felix
  Grace Hanna Hugo Ines Ivan Jamal Jonas Jun Karin Kofi Lena Liam Lucia Maja Marek Mina Nadia
  Noah Olga Omar Paula Pedro Rosa Samir Sofia Tariq Thea Tomas Uma Vera Viktor Wanda Yusuf Zara
  Zeno
`);

export const lastNames = words(`
  Abbott Adeyemi Almeida Andersen Baker Banerjee Bauer Bellini Brandt Carver Castillo Chen Costa
  Dahl Demir Diallo Eriksen Farkas Fischer Fontaine Garcia Haddad Hoffmann Horvat Ibsen Ito
  Jansen Kaya Keller Kim Kovac Larsen Lindgren Marchetti Mensah Moreau Nakamura Novak Okafor
  Olsen Park Petrov Quinn Rossi Santos Schmidt Silva Tanaka Varga Weber
`);

export const adjectives = words(`
  Silent Golden Last Hidden Burning Distant Little Broken Endless Northern Crooked Patient
  Forgotten Winter Electric Paper Wild Lost Second Midnight Honest Salt Velvet Iron
`);

export const nouns = words(`
  Harbour Garden Signal Island Orchard Railway Letter Kitchen Lighthouse River Machine Forest
  Theatre Mountain Bridge Engine Museum Winter Station Library Compass Window Market Voyage
  Atlas Comet Meadow Clock
`);

export const subjects = lines(`
  a lighthouse keeper
  two sisters
  a retired detective
  an unlikely friendship
  a railway town
  the last summer of a family
  a stolen map
  a village bakery
  a young engineer
  the long way home
  an old promise
  a missing letter
  a botanist in exile
  three generations
  a city under snow
  the first computers
`);

export const moods = lines(`
  Funny and wise
  Dark, quick and clever
  A quiet masterpiece
  Richly illustrated
  Impossible to put down
  Learned without being dry
  Tender and surprising
  Full of recipes for life
  A classic in the making
  Warm, odd and unforgettable
`);

export const opinions = lines(`
  Read it in one night.
  My book of the year.
  Slow at first, then wonderful.
  Not for me, but well written.
  I have given it to everyone I know.
  The ending is a cheat.
  Better than the last one.
  My children loved it.
  Too long by a third.
  Simply beautiful.
`);

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

function lines(text: string): readonly string[] {
  return text.trim().split(/\n\s*/);
}
