# Run by busybox's shell on Linux and on nub; both must print the same.
cd $(mktemp -d /tmp/applets.XXXXXX)
seq 1 1000 | sort -rn | head -3
mkdir -p a/b/c
for i in 1 2 3 4 5; do echo $i >a/b/f$i; done
find a | sort
tar cf x.tar a && tar tf x.tar | wc -l
gzip <x.tar | gunzip | cmp - x.tar && echo same
(sleep 1; echo background) &
wait
dd if=/dev/zero of=z bs=1M count=4 2>/dev/null
stat -c %s z
echo hello | sed s/l/L/g | tr a-z A-Z
rm -rf a && ls
trap 'echo trapped' USR1
kill -USR1 $$
sh -c 'kill -9 $$'; echo "killed $?"
timeout 1 sleep 5; echo "time-out $?"
mkfifo p
(echo through >p &)
cat p
expr 6 \* 7
ln -s z lnk && readlink lnk && [ lnk -ef z ] && echo linked
yes | head -100000 | wc -l
printf 'b\na\nc\n' >l && sort -o l l && cat l
awk 'BEGIN { for (i = 0; i < 5; i++) s += i * i; print s }'
find . -name 'l*' -type f -exec wc -c {} +
cat <<END | while read a b; do echo "$b $a"; done
one two
three four
END
cp z y && cmp z y && truncate -s 100 y && wc -c <y
touch -d 2001-02-03 y && date -u -r y +%F
chmod 640 y && stat -c %a y
mv y w && test ! -e y && test -s w && echo moved
ls /proc/self/fd | head -3
env -i A=1 env
xargs -n 2 echo <l
