import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exportedLiteral } from '../../../src/models/weights/tfjs/js-literal.js';

const wrap = (literal: string): string =>
  `!function(t){if("object"==typeof exports)module.exports=t();else{a[d]={exports:{}}}}({1:[function(t,e,a){e.exports=${literal}},{}]},{},[1]);`;

describe('an exported literal is read without executing it', () => {
  test('as minifiers write it', () => {
    const literal = `{a:[1,-.5,2e-3,1E2,.25],"b c":!0,d:!1,e:null,f:true,$g:'x"y',h:{},i:[]}`;
    expect(exportedLiteral(wrap(literal))).toEqual({
      a: [1, -0.5, 0.002, 100, 0.25],
      'b c': true,
      d: false,
      e: null,
      f: true,
      $g: 'x"y',
      h: {},
      i: [],
    });
  });

  test('also when it is a string', () => {
    expect(exportedLiteral(wrap('"QUJD+/=="'))).toBe('QUJD+/==');
  });

  test('a key that means something to JavaScript is a key', () => {
    const value = exportedLiteral(wrap('{__proto__:{polluted:1},constructor:2}')) as object;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('anything but a literal is refused', () => {
  const cases: [string, string, RegExp][] = [
    ['a call', wrap('{a:f()}'), /^no literal at character \d+$/],
    ['a property of a literal', wrap('{a:1}.a'), /^no end of the literal/],
    ['an expression', wrap('{a:1+1}'), /^no , at character \d+$/],
    ['a template', wrap('{a:`x`}'), /^no literal/],
    ['an escape', wrap('{a:"\\u0041"}'), /^an escape in the string/],
    ['an open string', wrap("{a:'x}").replaceAll('"', '') + '\n', /^no end of the string/],
    ['a missing key', wrap('{:1}'), /^no key/],
    ['an open object', 'e.exports={a:1', /^no ,/],
    ['no export', 'var a = {b: 1};', /^no exported literal$/],
    ['two exports', 'a.exports={b:1};c.exports={d:2}', /^more than one exported literal$/],
    ['deep nesting', wrap('['.repeat(5000)), /^nested deeper than 64/],
  ];
  for (const [name, source, message] of cases) {
    test(name, () => {
      expect(() => exportedLiteral(source)).toThrow(SyntaxError);
      expect(() => exportedLiteral(source)).toThrow(message);
    });
  }
});

test('any JSON value without escapes survives', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', 'X', 'Z', '0', '9', '_', '-', '+', '/', '=', ' '),
  });
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
      fc.boolean(),
      fc.constant(null),
      text,
      fc.array(tie('value')),
      fc.dictionary(text, tie('value')),
    ),
  }));
  fc.assert(
    fc.property(fc.oneof(fc.array(value), fc.dictionary(text, value)), (literal) => {
      expect(exportedLiteral(`m.exports=${JSON.stringify(literal)}`)).toEqual(literal);
    }),
  );
});

test('changed text is read or refused with a SyntaxError, never anything else', () => {
  const intact = wrap(`{a:[1,-.5],"b":!0,c:{d:'text',e:[null,2e5]}}`);
  fc.assert(
    fc.property(fc.nat(intact.length), fc.string({ maxLength: 6 }), fc.nat(6), (at, added, cut) => {
      try {
        exportedLiteral(intact.slice(0, at) + added + intact.slice(at + cut));
      } catch (error) {
        expect(error).toBeInstanceOf(SyntaxError);
      }
    }),
    { numRuns: 1000 },
  );
});
