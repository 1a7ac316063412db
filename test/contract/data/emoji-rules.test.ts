import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listByRules } from '../../../src/data/sources/class-rules.js';

const rules = fileURLToPath(new URL('../../../configs/emoji-16-classes.yaml', import.meta.url));

/** How many records emoji-datasource-google 16.0.0 has of each subcategory. */
const subcategories: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  Activities: {
    'arts & crafts': 7,
    'award-medal': 6,
    event: 21,
    game: 24,
    sport: 27,
  },
  'Animals & Nature': {
    'animal-amphibian': 1,
    'animal-bird': 22,
    'animal-bug': 16,
    'animal-mammal': 66,
    'animal-marine': 17,
    'animal-reptile': 8,
    'plant-flower': 12,
    'plant-other': 17,
  },
  Component: {
    'skin-tone': 5,
  },
  Flags: {
    'country-flag': 259,
    flag: 8,
    'subdivision-flag': 3,
  },
  'Food & Drink': {
    dishware: 7,
    drink: 20,
    'food-asian': 17,
    'food-fruit': 20,
    'food-prepared': 34,
    'food-sweet': 14,
    'food-vegetable': 19,
  },
  Objects: {
    'book-paper': 17,
    clothing: 47,
    computer: 14,
    household: 25,
    'light & video': 16,
    lock: 6,
    mail: 13,
    medical: 7,
    money: 10,
    'musical-instrument': 12,
    music: 9,
    office: 23,
    'other-object': 9,
    phone: 6,
    science: 7,
    sound: 9,
    tool: 27,
    writing: 7,
  },
  'People & Body': {
    'body-parts': 18,
    family: 37,
    'hand-fingers-closed': 6,
    'hand-fingers-open': 11,
    'hand-fingers-partial': 9,
    'hand-prop': 3,
    'hand-single-finger': 7,
    hands: 7,
    'person-activity': 57,
    'person-fantasy': 32,
    'person-gesture': 30,
    'person-resting': 5,
    'person-role': 82,
    'person-sport': 43,
    'person-symbol': 11,
    person: 28,
  },
  'Smileys & Emotion': {
    'cat-face': 9,
    emotion: 14,
    'face-affection': 9,
    'face-concerned': 26,
    'face-costume': 8,
    'face-glasses': 3,
    'face-hand': 7,
    'face-hat': 3,
    'face-negative': 8,
    'face-neutral-skeptical': 16,
    'face-sleepy': 6,
    'face-smiling': 14,
    'face-tongue': 6,
    'face-unwell': 12,
    heart: 25,
    'monkey-face': 3,
  },
  Symbols: {
    alphanum: 39,
    arrow: 21,
    'av-symbol': 25,
    currency: 2,
    gender: 3,
    geometric: 34,
    keycap: 13,
    math: 6,
    'other-symbol': 22,
    punctuation: 7,
    religion: 13,
    'transport-sign': 13,
    warning: 13,
    zodiac: 13,
  },
  'Travel & Places': {
    hotel: 2,
    'place-building': 27,
    'place-geographic': 9,
    'place-map': 7,
    'place-other': 17,
    'place-religious': 6,
    'sky & weather': 47,
    time: 31,
    'transport-air': 13,
    'transport-ground': 50,
    'transport-water': 9,
  },
};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ftctl-rules-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

it('sorts the base images of the emoji package in 16 classes', async () => {
  const records = Object.entries(subcategories).flatMap(([category, counts]) =>
    Object.entries(counts).flatMap(([subcategory, count]) =>
      Array.from({ length: count }, (_, i) => ({
        category,
        subcategory,
        image: `${category} ${subcategory} ${i}.png`,
        has_img_google: i < count - 1, // one of each has no image
      })),
    ),
  );
  await mkdir(root, { recursive: true });
  await writeFile(join(root, 'emoji.json'), JSON.stringify(records));

  const { files, classIds } = await listByRules(root, rules);
  const counts = Object.fromEntries(
    classIds.map((id) => [id, files.filter(({ classId }) => classId === id).length]),
  );
  expect(counts).toMatchInlineSnapshot(`
    {
      "animal": 124,
      "building": 55,
      "clock": 30,
      "clothing": 46,
      "face": 106,
      "flag": 267,
      "food": 118,
      "hand": 37,
      "heart": 24,
      "object": 200,
      "person": 306,
      "plant": 27,
      "sign": 210,
      "sky-weather": 46,
      "sport-game": 80,
      "vehicle": 69,
    }
  `);
  expect(files[0]!.path).toMatch(/^img\/google\/64\/.+ 0\.png$/);
});
