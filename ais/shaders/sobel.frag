// The magnitude of the gradient, scaled so that a step of height h gives h.
#include "window.glsl"
#include "mixed.glsl"

out vec4 result;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 down[5], here[5], up[5];
    shifted(at.x, at.y - 1, down);
    shifted(at.x, at.y, here);
    shifted(at.x, at.y + 1, up);
    vec4 across = (down[3] - down[1]) + 2.0 * (here[3] - here[1]) + (up[3] - up[1]);
    vec4 along = (up[1] - down[1]) + 2.0 * (up[2] - down[2]) + (up[3] - down[3]);
    result = mixed(0.25 * sqrt(across * across + along * along));
}
