// The median of a square of WIDTH x WIDTH pixels (3 or 5), exact: again and again the smallest and the largest of
// just over half of the values are put aside, as neither can be the median, and one more value is taken in.
#include "window.glsl"
#include "mixed.glsl"

out vec4 result;

#define COUNT (WIDTH * WIDTH)
#define FIRST (COUNT / 2 + 2)

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 value[COUNT];
    for (int y = 0; y < WIDTH; y++) {
        vec4 row[5];
        shifted(at.x, at.y + y - WIDTH / 2, row);
        for (int x = 0; x < WIDTH; x++) {
            value[y * WIDTH + x] = row[x + 2 - WIDTH / 2];
        }
    }
    // Each round moves the smallest of value[round..FIRST-1] to the front and the largest to where the next one enters.
    for (int round = 0; round < COUNT - FIRST + 1; round++) {
        for (int i = round + 1; i < FIRST; i++) {
            vec4 small = min(value[round], value[i]);
            value[i] = max(value[round], value[i]);
            value[round] = small;
        }
        for (int i = round + 1; i < FIRST - 1; i++) {
            vec4 large = max(value[FIRST - 1], value[i]);
            value[i] = min(value[FIRST - 1], value[i]);
            value[FIRST - 1] = large;
        }
        if (round < COUNT - FIRST) {
            value[FIRST - 1] = value[FIRST + round];
        }
    }
    result = mixed(value[FIRST - 2]);
}
