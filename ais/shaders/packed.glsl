// Reading a picture that is packed four neighbours of a row to one pixel.
// With EDGE 1 what lies outside the picture is its mirror image; with EDGE 0 nothing outside may be read.

uniform sampler2D source;
uniform ivec2 last;  // column and row of the picture's last pixel

int mirrored(int i, int last_one) {
    int period = 2 * (last_one + 1);
    int m = i - period * int(floor(float(i) / float(period)));
    return m > last_one ? period - 1 - m : m;
}

float pixel(int column, int row) {
    int x = mirrored(column, last.x);
    return texelFetch(source, ivec2(x >> 2, mirrored(row, last.y)), 0)[x & 3];
}

// The four pixels of a row that begin at column 4 * block.
vec4 four(int block, int row) {
#if EDGE
    int x = 4 * block;
    return vec4(pixel(x, row), pixel(x + 1, row), pixel(x + 2, row), pixel(x + 3, row));
#else
    return texelFetch(source, ivec2(block, row), 0);
#endif
}
