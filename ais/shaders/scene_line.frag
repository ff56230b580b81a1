in vec4 colour;

out vec4 result;

void main() {
    result = vec4(colour.rgb * colour.a, colour.a);
}
