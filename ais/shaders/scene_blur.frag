// The mean of 4 x 4 pixels, over which the samples of the occlusion are spread, left out across steps in depth.
#include "scene_depth.glsl"

uniform sampler2D open_sky;
uniform int reduction;
uniform float jump;

out vec4 result;

float away(ivec2 pixel) {
    ivec2 last = textureSize(depth, 0) - 1;
    return in_angstrom(texelFetch(depth, min(pixel * reduction + reduction / 2, last), 0).r);
}

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    ivec2 last = textureSize(open_sky, 0) - 1;
    float own = away(here);
    vec2 total = vec2(0.0);
    for (int y = -2; y < 2; y++) {
        for (int x = -2; x < 2; x++) {
            ivec2 there = clamp(here + ivec2(x, y), ivec2(0), last);
            if (abs(away(there) - own) < 4.0 * jump) total += vec2(texelFetch(open_sky, there, 0).r, 1.0);
        }
    }
    result = vec4(total.y > 0.0 ? total.x / total.y : texelFetch(open_sky, here, 0).r);
}
