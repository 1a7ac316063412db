/**
 * The records of a zip file that are read and written here, after PKWARE's APPNOTE 6.3.10, sections 4.3.7 (local file
 * header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (end of it) and 4.5.3 (zip64). All numbers are little-endian.
 */

export const zipSignatures = {
  localFile: 0x04034b50,
  centralFile: 0x02014b50,
  end: 0x06054b50,
  zip64End: 0x06064b50,
  zip64Locator: 0x07064b50,
} as const;

/** Sizes of the records without their variable parts. */
export const zipRecordBytes = {
  localFile: 30,
  centralFile: 46,
  end: 22,
  zip64End: 56,
  zip64Locator: 20,
} as const;

/** Values of the compression method. */
export const zipMethods = { stored: 0, deflated: 8 } as const;

/** A 32-bit (or 16-bit) field with all bits set says that the zip64 record has the value. */
export const zip64Marker32 = 0xffffffff;
export const zip64Marker16 = 0xffff;

/** Header id of the zip64 extra field. */
export const zip64ExtraId = 0x0001;
