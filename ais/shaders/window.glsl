// Five vectors of four neighbours each: the pixels of a row as they are, and shifted by -2 to 2 columns.
#include "packed.glsl"

void shifted(int block, int row, out vec4 value[5]) {
    vec4 here = four(block, row);
    vec4 before = four(block - 1, row);
    vec4 after = four(block + 1, row);
    value[0] = vec4(before.zw, here.xy);
    value[1] = vec4(before.w, here.xyz);
    value[2] = here;
    value[3] = vec4(here.yzw, after.x);
    value[4] = vec4(here.zw, after.xy);
}
